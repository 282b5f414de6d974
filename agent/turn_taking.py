"""Who has the floor: the settings of turn taking as the framework's options."""

from livekit.agents import TurnHandlingOptions, inference
from livekit.agents.voice.turn import TurnDetectionMode

from config.turn import TurnSettings


def turn_handling(turn: TurnSettings) -> TurnHandlingOptions:
    """The options for one session. No cloud service decides: left alone, the framework would ask one."""
    return {
        "turn_detection": _detection(turn),
        "endpointing": {
            "mode": turn.endpointing,
            # Who lets go of a button has finished: nothing is left to wait for.
            "min_delay": 0.0 if turn.detection == "manual" else turn.min_delay_s,
            "max_delay": turn.max_delay_s,
        },
        "interruption": {
            "enabled": turn.interruptions,
            "mode": "vad",
            "min_duration": turn.interruption_min_s,
            "min_words": turn.interruption_min_words,
            "resume_false_interruption": turn.false_interruption_s > 0,
            "false_interruption_timeout": turn.false_interruption_s or None,
        },
        "preemptive_generation": {"enabled": turn.preemptive, "preemptive_tts": turn.preemptive_speech},
    }


def _detection(turn: TurnSettings) -> TurnDetectionMode:
    if turn.detection == "model":
        return inference.TurnDetector(version="v1-mini")  # the one whose weights are installed
    return turn.detection
