"""What a job's metadata may ask for."""

import json

import pytest

from agent.dispatch import Dispatch, parse_dispatch
from agent.errors import DispatchError
from tests.fakes import settings

EVERYTHING = {
    "instructions": "You are a librarian.",
    "greeting": "Welcome.",
    "language": "de-DE",
    "voice": "a-voice",
    "participant_identity": "caller-1",
    "vision": {"source": "screen", "detail": "high"},
    "images": ["https://example.com/plan.png", "data:image/png;base64,AAAA"],
}


@pytest.mark.parametrize("metadata", ["", "  \n", "{}"])
def test_no_metadata_changes_nothing(metadata: str) -> None:
    """A dispatch without wishes runs on the worker's settings."""
    assert parse_dispatch(metadata) == Dispatch()
    assert parse_dispatch(metadata).apply(settings()) == settings()


def test_every_wish_reaches_its_setting() -> None:
    """And the caller's identity and instructions stay with the call."""
    dispatch = parse_dispatch(json.dumps(EVERYTHING))
    applied = dispatch.apply(settings())
    assert dispatch.instructions == "You are a librarian."
    assert dispatch.participant_identity == "caller-1"
    assert applied.agent.greeting == "Welcome."
    assert (applied.stt.language, applied.tts.language) == ("de-DE", "de")
    assert applied.tts.voice == "a-voice"
    assert (applied.vision.source, applied.vision.detail) == ("screen", "high")
    assert applied.agent.images == ("https://example.com/plan.png", "data:image/png;base64,AAAA")


def test_one_wish_leaves_the_other_settings_alone() -> None:
    """Nothing else of the group or of the others moves, and the worker's own settings stay as they were."""
    ours = settings()
    applied = parse_dispatch('{"vision": {"source": "off"}}').apply(ours)
    assert applied.vision.model_dump() == {**ours.vision.model_dump(), "source": "off"}
    assert (applied.agent, applied.stt, applied.tts, applied.llm) == (ours.agent, ours.stt, ours.tts, ours.llm)
    assert ours == settings()


@pytest.mark.parametrize(("heard", "spoken"), [("de-DE", "de"), ("fr", "fr"), ("zh-Hans-CN", "zh"), ("multi", "en")])
def test_language_is_told_to_each_provider_in_its_own_words(heard: str, spoken: str) -> None:
    """Speech has no region, and is in one language: `multi` is for the ear alone."""
    applied = parse_dispatch(json.dumps({"language": heard})).apply(settings())
    assert (applied.stt.language, applied.tts.language) == (heard, spoken)


def test_empty_greeting_silences_the_workers_own() -> None:
    """Empty is a wish; absent is none."""
    ours = parse_dispatch('{"greeting": "Hello"}').apply(settings())
    assert parse_dispatch('{"greeting": ""}').apply(ours).agent.greeting == ""
    assert parse_dispatch("{}").apply(ours).agent.greeting == "Hello"


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ('{"instruction": "x"}', "instruction: Extra inputs are not permitted"),
        ('{"vision": {"sorce": "screen"}}', "vision.sorce: Extra inputs are not permitted"),
        ('{"language": 5}', "language: Input should be a valid string"),
        ('{"greeting": ["Hello"]}', "greeting: Input should be a valid string"),
        (
            '{"vision": {"source": "window"}}',
            "vision.source: Input should be 'auto', 'camera', 'screen', 'both' or 'off'",
        ),
        ('{"vision": {"detail": 1}}', "vision.detail: Input should be 'auto', 'low' or 'high'"),
        ('{"vision": null}', "vision: Input should be"),
        ('{"participant_identity": ""}', "participant_identity: String should have at least 1 character"),
        ('{"language": ""}', "language: String should have at least 1 character"),
        ('{"images": ["/etc/passwd"]}', "images.0: "),
        ('{"images": ["https://example.com/a.png", "http://example.com/a.png"]}', "images.1: "),
        ('{"images": ["data:image/png;base64,!"]}', "images.0: "),
        (json.dumps({"images": ["https://example.com/a.png"] * 21}), "images: Tuple should have at most 20 items"),
        ('{"greeting": "Hello"', "metadata: Invalid JSON"),
        ("hello", "metadata: Invalid JSON"),
        ("[]", "metadata: Input should be an object"),
        ("null", "metadata: Input should be an object"),
        ('"instructions"', "metadata: Input should be an object"),
        ("[" * 100_000, "metadata: Invalid JSON"),
    ],
)
def test_invalid_metadata_is_refused_naming_the_field(metadata: str, named: str) -> None:
    """A job never runs half-configured."""
    with pytest.raises(DispatchError) as caught:
        parse_dispatch(metadata)
    assert str(caught.value).startswith(named)
    assert "allowed fields: instructions, greeting" in str(caught.value)


def test_every_bad_field_is_named() -> None:
    """All at once."""
    with pytest.raises(DispatchError) as caught:
        parse_dispatch('{"voice": 1, "greting": "Hello", "vision": {"detail": "best"}}')
    assert all(field in str(caught.value) for field in ("voice: ", "greting: ", "vision.detail: "))


def test_refusal_stays_a_line_and_repeats_no_value() -> None:
    """Metadata may hold what does not belong in a log."""
    with pytest.raises(DispatchError) as caught:
        parse_dispatch('{"token": "a-secret", "voice": {"key": "a-secret"}}')
    assert "a-secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
