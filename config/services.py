"""The services a call needs, under the names that their own ecosystems use."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_NAMED_BY_OTHERS = SettingsConfigDict(
    use_attribute_docstrings=True, frozen=True, extra="ignore", str_strip_whitespace=True
)


class LiveKitAccess(BaseSettings):
    """The LiveKit server."""

    model_config = _NAMED_BY_OTHERS

    livekit_url: str = Field(pattern=r"^(wss?|https?)://[^\s/]+(/\S*)?$")
    """Address of the LiveKit server, `ws://` or `wss://`."""
    livekit_api_key: str = Field(min_length=1)
    """API key of the LiveKit server."""
    livekit_api_secret: SecretStr = Field(min_length=1)
    """API secret of the LiveKit server."""
    livekit_agent_name: str = "sighted"
    """Rooms dispatch the agent by this name. Set but empty: it joins every new room."""


class ProviderAccess(BaseSettings):
    """The providers. Which keys are required, the choice of providers tells: see `config.keys`."""

    model_config = _NAMED_BY_OTHERS

    deepgram_base_url: str = Field(default="https://api.deepgram.com/v1/listen", pattern=r"^https?://\S+$")
    """Deepgram's full listen address; for its Flux models, `v1` in it is taken for `v2`."""
    openai_base_url: str = Field(default="https://api.openai.com/v1", pattern=r"^https?://\S+$")
    """Any OpenAI compatible server (vLLM, Ollama, llama.cpp), with its `/v1`."""
    cartesia_base_url: str = Field(default="https://api.cartesia.ai", pattern=r"^https?://\S+$")
    """Cartesia's address."""

    deepgram_api_key: SecretStr | None = Field(default=None, json_schema_extra={"required": True})
    """Deepgram key, where Deepgram listens."""
    openai_api_key: SecretStr | None = None
    """OpenAI key. Optional when `OPENAI_BASE_URL` names a server of your own."""
    cartesia_api_key: SecretStr | None = Field(default=None, json_schema_extra={"required": True})
    """Cartesia key, where Cartesia speaks."""
    google_api_key: SecretStr | None = None
    """Google key (Gemini API), where `REALTIME__PROVIDER` is `google`."""

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        # Compose files and .env templates pass empty strings for what nobody set.
        name = info.field_name or ""
        blank = isinstance(value, str) and not value.strip()
        return cls.model_fields[name].default if blank and name in ProviderAccess.model_fields else value


class ServiceSettings(ProviderAccess, LiveKitAccess):
    """LiveKit and the providers."""
