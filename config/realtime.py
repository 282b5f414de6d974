"""The settings `REALTIME__*`: the speech-to-speech model of `AGENT__MODE=realtime`, and its live video."""

from importlib.util import find_spec
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from config.group import group

MODELS: Final = {"openai": "gpt-realtime", "google": "gemini-3.8-live"}
"""The providers, each with the model that is taken where none is named."""


class RealtimeSettings(BaseSettings):
    """The speech-to-speech model of `AGENT__MODE=realtime`, and its live video."""

    model_config = group("REALTIME")

    provider: Literal["openai", "google"] = "openai"
    """Whose model it is: `openai` (OpenAI Realtime), or `google` (Gemini Live; needs the extra `google`)."""
    model: str = ""
    """The provider's model; it must accept pictures. Unset: `gpt-realtime` or `gemini-3.8-live`."""
    voice: str = ""
    """The provider's voice. Unset: the provider plugin's default voice."""
    language: str = ""
    """Language as ISO 639-1 names it: for `openai` the caller's, a help for the transcript; for `google` the one that
    is spoken. Unset: the model finds out."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Randomness of the answers, for `google`; OpenAI's Realtime API has none. Unset: the provider's own."""
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """A compatible server: for `openai` with its `/v1`, where it is not `OPENAI_BASE_URL`; for `google` its `https://host`."""
    turn_detection: Literal["model", "manual"] = "model"
    """Who tells that the caller has finished: the provider, after `TURN__MIN_SILENCE_S`, or the caller alone
    (`manual`: push to talk)."""
    fps_speaking: float = Field(default=1.0, gt=0, le=10)
    """Pictures a second while the caller speaks. One more is sent as they begin and one as they end."""
    fps_silent: float = Field(default=0.333, ge=0, le=10)
    """Pictures a second while the caller is silent: one in three seconds; 0: none."""
    context_tokens: int = Field(default=32_000, ge=4_000, le=1_000_000)
    """Tokens to which Gemini's conversation may grow, of which every answer is charged for; then its older half goes.
    OpenAI's model cuts its own."""
    framework_video: bool = False
    """Leaves the video to LiveKit's framework: no pacing, rotation, age rules, pruning or evidence of ours. For models
    that need it."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.provider == "openai" and self.temperature is not None:
            raise PydanticCustomError("combination", "REALTIME__TEMPERATURE: OpenAI's Realtime API has none; unset it")
        if self.provider == "google" and self.base_url.startswith("http:"):
            raise PydanticCustomError(
                "combination",
                "REALTIME__BASE_URL: found {found}, expected https://: Gemini's client speaks TLS alone",
                {"found": repr(self.base_url)},
            )
        if self.provider == "google" and find_spec("livekit.plugins.google") is None:
            raise PydanticCustomError(
                "combination",
                "REALTIME__PROVIDER: found 'google', which needs the extra 'google': pip install 'sighted[google]', or "
                "an image built with --build-arg PACKAGES=google",
            )
        return self

    @property
    def chosen(self) -> str:
        """The model."""
        return self.model or MODELS[self.provider]
