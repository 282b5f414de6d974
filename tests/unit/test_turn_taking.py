"""The settings of turn taking, and the framework's options that they become."""

import pytest
from livekit.agents import inference

from agent.turn_taking import turn_handling
from config.turn import TurnSettings


def settings(**values: object) -> TurnSettings:
    """Turn taking with these values."""
    return TurnSettings(**values)  # type: ignore[arg-type]  # as the environment would give them


@pytest.mark.parametrize("detection", ["vad", "stt", "manual"])
def test_detection_goes_by_the_name_that_the_framework_knows(detection: str) -> None:
    """Left to itself it would choose, and ask a cloud service."""
    assert turn_handling(settings(detection=detection))["turn_detection"] == detection


async def test_the_model_is_the_one_that_runs_here() -> None:
    """The other one is asked over the network, by keys that ours happen to be named like."""
    detector = turn_handling(settings(detection="model", min_silence_s=0.25))["turn_detection"]
    assert isinstance(detector, inference.TurnDetector)
    assert detector.model == "turn-detector-v1-mini"
    assert detector._cloud_opts is None


def test_interruptions_are_judged_here() -> None:
    """With every setting in its place; a time of 0 is none at all."""
    turn = settings(interruptions=False, interruption_min_s=0.7, interruption_min_words=2, false_interruption_s=0)
    assert turn_handling(turn)["interruption"] == {
        "enabled": False,
        "mode": "vad",
        "min_duration": 0.7,
        "min_words": 2,
        "resume_false_interruption": False,
        "false_interruption_timeout": None,
    }


def test_who_lets_go_of_a_button_waits_for_nothing() -> None:
    """In the other modes a turn is held back for the delay that was set."""
    assert turn_handling(settings(detection="manual", min_delay_s=0.4))["endpointing"]["min_delay"] == 0
    endpointing = turn_handling(settings(detection="vad", endpointing="dynamic", min_delay_s=0.4))["endpointing"]
    assert endpointing == {"mode": "dynamic", "min_delay": 0.4, "max_delay": settings().max_delay_s}


@pytest.mark.parametrize("speech", [True, False])
def test_early_answers_are_spoken_early_if_wanted(speech: bool) -> None:  # noqa: FBT001  # the value itself
    """The framework knows both by one option."""
    options = turn_handling(settings(preemptive=True, preemptive_speech=speech))["preemptive_generation"]
    assert options == {"enabled": True, "preemptive_tts": speech}
