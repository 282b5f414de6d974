"""Turn taking: every `TURN__NAME` variable with its type, unit, bound, default and meaning."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from config.group import group

Detection = Literal["vad", "model", "stt", "manual"]

MODEL_MIN_SILENCE_S = 0.25
"""The framework asks its turn detector after 0.2 s of silence and wants a margin."""

FLUX = "flux"
"""Deepgram's models that tell turns by themselves have names that begin so."""


class TurnSettings(BaseSettings):
    """Turn taking. All of it runs in the worker or at the listener: no other service is asked."""

    model_config = group("TURN")

    detection: Detection = "vad"
    """What ends a turn: silence (`vad`), LiveKit's local turn detector (`model`: 244 MB more, which jobs
    share, and 20 MB for each), the listener itself (`stt`: `STT__MODEL` must be a flux model), or the caller alone
    (`manual`: push to talk)."""
    vad_threshold: float = Field(default=0.5, ge=0.05, le=0.95)
    """How certain the voice activity detector (Silero) must be that somebody speaks; lower hears softer voices, and
    more noise."""
    min_silence_s: float = Field(default=0.55, ge=0.1, le=3)
    """Seconds of silence after which speech counts as ended (Silero); at least 0.25 for `model`."""
    endpointing: Literal["fixed", "dynamic"] = "fixed"
    """Whether `TURN__MIN_DELAY_S` is `fixed`, or `dynamic`: it grows with the pauses that this caller makes."""
    min_delay_s: float = Field(default=0.5, ge=0, le=5)
    """Seconds since the last speech before a turn is taken as complete. Not for `manual`."""
    max_delay_s: float = Field(default=3.0, ge=0.1, le=20)
    """Seconds after which a turn is taken as complete in any case: while `model` thinks it is not, or as the most that
    `dynamic` grows to."""
    preemptive: bool = True
    """Ask the model on the final transcript, before the turn is confirmed: faster replies for some wasted requests."""
    preemptive_speech: bool = False
    """Have that answer spoken before the turn is confirmed, too (unheard until then); needs `TURN__PREEMPTIVE`."""
    interruptions: bool = True
    """Whether the caller may interrupt the agent by speaking, or by `start_turn`."""
    interruption_min_s: float = Field(default=0.5, ge=0, le=5)
    """Seconds of speech that interrupt the agent."""
    interruption_min_words: int = Field(default=0, ge=0, le=20)
    """Words that must have been heard as well, so that a cough interrupts nobody; 0: none."""
    false_interruption_s: float = Field(default=2.0, ge=0, le=20)
    """Seconds after an interruption in which no words were heard, until the agent goes on with what it was saying; 0:
    never."""
    transcript_timeout_s: float = Field(default=2.0, ge=0.1, le=20)
    """Seconds that `end_turn` waits for the last words (`manual`)."""

    @field_validator("min_silence_s")
    @classmethod
    def _long_enough_for_the_model(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("detection") == "model" and value < MODEL_MIN_SILENCE_S:
            raise PydanticCustomError("below", "should be at least 0.25 while TURN__DETECTION is model")
        return value

    @field_validator("max_delay_s")
    @classmethod
    def _not_below_min_delay(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("min_delay_s", 0.0):
            raise PydanticCustomError("below", "should not be less than TURN__MIN_DELAY_S")
        return value

    @field_validator("preemptive_speech")
    @classmethod
    def _only_what_is_made_early(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # the value itself
        if value and not info.data.get("preemptive", True):
            raise PydanticCustomError("alone", "should not be set while TURN__PREEMPTIVE is false")
        return value
