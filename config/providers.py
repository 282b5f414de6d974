"""Settings of the three providers: speech to text, the model, text to speech."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode

from config.chain import STT_MODELS, TTS_MODELS, Model, Speech, entries, parse_model, parse_speech
from config.group import group


def _listed(parse: Callable[[str], object]) -> Any:
    """How a list of fallbacks is read: as it was written, when each entry of it can be parsed."""

    def read(value: object) -> object:
        if isinstance(value, tuple):
            return value
        try:
            found = entries(str(value))
            for one in found:
                parse(one)
        except ValueError as error:
            raise PydanticCustomError("reference", "{problem}", {"problem": str(error)}) from None
        return found

    return BeforeValidator(read)


def _listener(text: str) -> Speech:
    return parse_speech(text, STT_MODELS, parts=2)


def _speaker(text: str) -> Speech:
    return parse_speech(text, TTS_MODELS, parts=3)


class SttSettings(BaseSettings):
    """Speech to text (Deepgram or OpenAI)."""

    model_config = group("STT")

    provider: Literal["deepgram", "openai"] = "deepgram"
    """Who listens."""
    model: str = ""
    """The provider's model, such as `nova-3` or `flux-general-en`. Unset: `nova-3` of Deepgram,
    `gpt-4o-mini-transcribe` of OpenAI."""
    language: str = "en-US"
    """Language of the caller, as Deepgram names it (`multi` for several)."""
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """An OpenAI compatible server for listening, with its `/v1`, where it is not `OPENAI_BASE_URL`."""
    api_key: SecretStr | None = None
    """Key of that listener, in place of `OPENAI_API_KEY`."""
    fallback: Annotated[tuple[str, ...], NoDecode, _listed(_listener)] = ()
    """Who listens when the provider fails, each as `provider` or `provider:model`, separated by spaces."""

    @property
    def chain(self) -> tuple[Speech, ...]:
        """The listener, and those that step in."""
        first = Speech(self.provider, self.model or STT_MODELS[self.provider])
        return (first, *map(_listener, self.fallback))


class LlmSettings(BaseSettings):
    """The language model (OpenAI or any compatible server). It must accept images."""

    model_config = group("LLM")

    model: str = "gpt-4.1"
    """Model name; it must accept images."""
    fallback: Annotated[tuple[str, ...], NoDecode, _listed(parse_model)] = ()
    """Models that are asked when the first fails, each as `model` or, on another server, `model@https://host/v1`,
    separated by spaces. They must accept images too."""
    fallback_api_key: SecretStr | None = None
    """Key of the other servers in `LLM__FALLBACK`, if they want one. `OPENAI_API_KEY` goes to OpenAI and to
    `OPENAI_BASE_URL` alone."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """Sampling temperature. Unset: the provider's own default."""
    prompt_cache_key: str = ""
    """Passed on as `prompt_cache_key`, which helps OpenAI to find the cached beginning of a prompt. Unset: not sent."""
    timeout_s: float = Field(default=8.0, gt=0, le=120)
    """Seconds to wait for the model's answer to begin before the next model is asked, or the same once more."""
    stall_s: float = Field(default=2.5, gt=0, le=120)
    """Seconds after which an answer that has begun and does not go on counts as cut off."""
    max_history_turns: int = Field(default=50, ge=2, le=1000)
    """User turns a request carries at most; older ones are cut in blocks so that prompt caches hold."""

    @property
    def chain(self) -> tuple[Model, ...]:
        """The model, and those that step in."""
        return (Model(self.model), *map(parse_model, self.fallback))


class TtsSettings(BaseSettings):
    """Text to speech (Cartesia or OpenAI)."""

    model_config = group("TTS")

    provider: Literal["cartesia", "openai"] = "cartesia"
    """Who speaks."""
    model: str = ""
    """The provider's model. Unset: `sonic-3` of Cartesia, `gpt-4o-mini-tts` of OpenAI."""
    voice: str = ""
    """The provider's voice: an id of Cartesia, a name of OpenAI. Unset: the provider plugin's default voice."""
    language: str = "en"
    """Language of the agent's speech, as Cartesia names it."""
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """An OpenAI compatible server for speaking, with its `/v1`, where it is not `OPENAI_BASE_URL`."""
    api_key: SecretStr | None = None
    """Key of that speaker, in place of `OPENAI_API_KEY`."""
    fallback: Annotated[tuple[str, ...], NoDecode, _listed(_speaker)] = ()
    """Who speaks when the provider fails, each as `provider`, `provider:model` or `provider:model:voice`, separated by
    spaces."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Seconds to wait for sound before the next speaker is asked, or the same once more."""

    @property
    def chain(self) -> tuple[Speech, ...]:
        """The speaker, and those that step in."""
        first = Speech(self.provider, self.model or TTS_MODELS[self.provider], self.voice)
        return (first, *map(_speaker, self.fallback))
