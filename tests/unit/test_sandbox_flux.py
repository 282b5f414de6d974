"""The stand-in's turns: when one ends, and what is said about it."""

import pytest

from sandbox.stt.dialect import Said
from sandbox.stt.flux import BadThresholdError, Flux, Thresholds

SAID = Said("What is this?", start_s=0.5, length_s=1.0)


def test_a_surer_end_takes_a_longer_silence() -> None:
    """And the timeout ends a turn in any case."""
    waits = [Thresholds(eot_threshold=threshold).end_ms for threshold in (0.5, 0.7, 0.9)]
    assert waits == sorted(set(waits))
    assert Thresholds(eot_threshold=0.9, eot_timeout_ms=500).end_ms == 500


def test_a_guess_comes_before_the_end() -> None:
    """Where the client asked for guesses; else nothing is guessed."""
    asked = Flux("r", Thresholds(eager_eot_threshold=0.4))
    assert asked.guesses
    assert asked.pause_ms < asked.hangover_ms
    assert not Flux("r", Thresholds()).guesses


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"eot_threshold": "0.95"}, "eot_threshold is '0.95', it must be from 0.5 to 0.9"),
        ({"eager_eot_threshold": "soon"}, "eager_eot_threshold is 'soon', it must be a number"),
        ({"eot_timeout_ms": "100"}, "eot_timeout_ms is '100', it must be from 500 to 10000"),
    ],
)
def test_bad_thresholds_are_refused(values: dict[str, str], message: str) -> None:
    """The sentence says what was found and what is allowed."""
    with pytest.raises(BadThresholdError, match=message):
        Thresholds().changed(values)


def test_a_turn_is_told_in_events() -> None:
    """Each with its turn, its words and a number of its own."""
    flux = Flux("r", Thresholds(eager_eot_threshold=0.4))
    events = [flux.started(0.5), flux.interim(SAID), flux.paused(SAID), flux.resumed(SAID), flux.ended(SAID)]
    assert [event["event"] for event in events] == [
        "StartOfTurn",
        "Update",
        "EagerEndOfTurn",
        "TurnResumed",
        "EndOfTurn",
    ]
    assert {event["turn_index"] for event in events} == {0}
    assert [event["sequence_id"] for event in events] == [0, 1, 2, 3, 4]
    assert [word["word"] for word in events[-1]["words"]] == ["What", "is", "this?"]
    assert flux.started(2.0)["turn_index"] == 1


def test_thresholds_may_change_while_it_listens() -> None:
    """What is wrong with an order is told, and then nothing changes."""
    flux = Flux("r", Thresholds())
    before = flux.hangover_ms
    assert flux.configure({"thresholds": {"eot_threshold": 3}})["type"] == "ConfigureFailure"
    assert flux.hangover_ms == before
    assert flux.configure({"thresholds": {"eot_threshold": 0.9}})["type"] == "ConfigureSuccess"
    assert flux.hangover_ms > before
