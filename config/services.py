"""The services a call needs, under the names that their own ecosystems use."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """LiveKit and the providers."""

    model_config = SettingsConfigDict(
        use_attribute_docstrings=True, frozen=True, extra="ignore", str_strip_whitespace=True
    )

    livekit_url: str = Field(pattern=r"^(wss?|https?)://[^\s/]+(/\S*)?$")
    """Address of the LiveKit server, `ws://` or `wss://`."""
    livekit_api_key: str = Field(min_length=1)
    """API key of the LiveKit server."""
    livekit_api_secret: SecretStr = Field(min_length=1)
    """API secret of the LiveKit server."""
    livekit_agent_name: str = "sighted"
    """Rooms dispatch the agent by this name. Set but empty: it joins every new room."""

    deepgram_base_url: str = Field(default="https://api.deepgram.com/v1/listen", pattern=r"^https?://\S+$")
    """Deepgram's full listen address."""
    openai_base_url: str = Field(default="https://api.openai.com/v1", pattern=r"^https?://\S+$")
    """Any OpenAI compatible server (vLLM, Ollama, llama.cpp), with its `/v1`."""
    cartesia_base_url: str = Field(default="https://api.cartesia.ai", pattern=r"^https?://\S+$")
    """Cartesia's address."""

    deepgram_api_key: SecretStr = Field(min_length=1)
    """Deepgram key (speech to text)."""
    openai_api_key: SecretStr | None = Field(default=None, validate_default=True)
    """OpenAI key (the model). Optional when `OPENAI_BASE_URL` names a server of your own."""
    cartesia_api_key: SecretStr = Field(min_length=1)
    """Cartesia key (text to speech)."""

    @field_validator("openai_api_key", "deepgram_base_url", "openai_base_url", "cartesia_base_url", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object, info: ValidationInfo) -> object:
        # Compose files and .env templates pass empty strings for what nobody set.
        blank = isinstance(value, str) and not value.strip()
        return cls.model_fields[info.field_name or ""].default if blank else value

    @field_validator("openai_api_key")
    @classmethod
    def _openai_wants_a_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and "api.openai.com" in info.data.get("openai_base_url", ""):
            raise PydanticCustomError("unset", "not set")
        return value
