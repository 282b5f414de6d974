"""The command line of a scripted call."""

import pytest

from sandbox.caller.command import parser


def test_steps_keep_their_order() -> None:
    """Whatever their kind, and however often."""
    options = parser().parse_args(
        ["--camera", "counter", "--say", "Hello", "--mute", "camera", "--say", "And now?", "--wait", "1.5"]
    )
    assert options.steps == [
        ("camera", "counter"),
        ("say", "Hello"),
        ("mute", "camera"),
        ("say", "And now?"),
        ("wait", 1.5),
    ]
    assert parser().parse_args([]).steps == []


def test_dynacast_is_chosen() -> None:
    """Off unless asked for."""
    assert parser().parse_args(["--dynacast"]).dynacast
    assert not parser().parse_args([]).dynacast


def test_upload_takes_a_caption() -> None:
    """A path alone, or a path and words."""
    options = parser().parse_args(["--upload", "a.png", "--upload", "b.png", "What is this?", "--greeting"])
    assert options.steps == [("upload", ["a.png"]), ("upload", ["b.png", "What is this?"]), ("greeting", [])]


def test_unknown_source_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names what was found and what is allowed."""
    with pytest.raises(SystemExit):
        parser().parse_args(["--mute", "trumpet"])
    error = capsys.readouterr().err
    assert "trumpet" in error
    assert "microphone" in error
