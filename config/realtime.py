"""The settings `REALTIME__*`: the speech-to-speech model of `AGENT__MODE=realtime`, and its live video."""

from typing import Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from config.group import group

MODELS: Final = {"openai": "gpt-realtime"}
"""The providers, each with the model that is taken where none is named."""


class RealtimeSettings(BaseSettings):
    """The speech-to-speech model of `AGENT__MODE=realtime`, and its live video."""

    model_config = group("REALTIME")

    provider: Literal["openai"] = "openai"
    """Whose model it is."""
    model: str = ""
    """The provider's model; it must accept pictures. Unset: `gpt-realtime`."""
    voice: str = ""
    """The provider's voice. Unset: the provider plugin's default voice."""
    language: str = ""
    """Language of the caller as ISO 639-1 names it, a help for the transcript. Unset: the model finds out."""
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """A compatible server, with its `/v1`, where it is not `OPENAI_BASE_URL`."""
    turn_detection: Literal["model", "manual"] = "model"
    """Who tells that the caller has finished: the provider, after `TURN__MIN_SILENCE_S`, or the caller alone
    (`manual`: push to talk)."""
    fps_speaking: float = Field(default=1.0, gt=0, le=10)
    """Pictures a second while the caller speaks. One more is sent as they begin and one as they end."""
    fps_silent: float = Field(default=0.333, ge=0, le=10)
    """Pictures a second while the caller is silent: one in three seconds; 0: none."""
    framework_video: bool = False
    """Leaves the video to LiveKit's framework: no pacing, rotation, age rules, pruning or evidence of ours. For models
    that need it."""

    @property
    def chosen(self) -> str:
        """The model."""
        return self.model or MODELS[self.provider]
