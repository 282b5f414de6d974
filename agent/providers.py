"""Builds the clients of the providers, each with those that step in when it fails. Nothing here contacts one yet."""

import time
from typing import Any, Literal, TypeVar

import structlog
from livekit.agents import NOT_GIVEN, APIStatusError, llm, stt, tts
from livekit.agents.vad import VAD
from livekit.plugins import cartesia, deepgram, openai
from livekit.plugins.cartesia.models import TTSDefaultVoiceId
from livekit.plugins.openai.tts import DEFAULT_VOICE
from pydantic import SecretStr

from agent.ops import metrics
from config.chain import Model, Speech
from config.keys import listener_key, model_key, speaker_key
from config.settings import Settings

log = structlog.stdlib.get_logger(__name__)

Stage = Literal["stt", "llm", "tts", "realtime"]
Client = TypeVar("Client", llm.LLM[Any], stt.STT[Any], tts.TTS[Any])

RETRY_S = 0.5
"""Seconds between two attempts at the same provider."""
_REFUSALS = frozenset({400, 413, 415, 422})
"""HTTP states by which providers refuse a picture: bad request, too large, unsupported, unprocessable."""
_KEYLESS = "none"
"""Local servers ignore the key, but the client insists on one."""


class ModelChain(llm.FallbackAdapter):
    """Several models, of which each steps in for the one before; it knows whether one refused what it was sent."""

    def __init__(self, models: list[llm.LLM[Any]], timeout_s: float):
        super().__init__(models, attempt_timeout=timeout_s, retry_interval=RETRY_S)
        self._refused_at = -1.0
        for model in models:
            model.on("error", self._on_model_error)

    def refused_since(self, moment: float) -> bool:
        """Whether a request was refused later than `moment`, of `time.monotonic`."""
        return self._refused_at >= moment

    def _on_model_error(self, event: llm.LLMError) -> None:
        if refuses(event.error):
            self._refused_at = time.monotonic()


def refuses(error: Exception) -> bool:
    """Whether a provider refused the request itself, as it would again."""
    return isinstance(error, APIStatusError) and error.status_code in _REFUSALS


def build_llm(settings: Settings) -> llm.LLM[Any]:
    """The model's client, with its fallbacks; blocking, since it reads the system's certificates."""
    chain = settings.llm.chain
    clients = [_watched("llm", model.label, model_client(settings, model)) for model in chain]
    if len(clients) == 1:
        return clients[0]
    adapter = ModelChain(clients, settings.llm.timeout_s)
    adapter.on("llm_availability_changed", lambda event: _changed("llm", event.llm.model, back=event.available))
    return adapter


def build_stt(settings: Settings, vad: VAD) -> stt.STT[Any]:
    """The listener's client, with its fallbacks; `vad` cuts speech into pieces for one that takes no stream."""
    chain = settings.stt.chain
    clients = [_watched("stt", each.label, listener_client(settings, each)) for each in chain]
    if len(clients) == 1:
        return clients[0]
    adapter = stt.FallbackAdapter(clients, vad=vad, max_retry_per_stt=1, retry_interval=RETRY_S)
    adapter.on("stt_availability_changed", lambda event: _changed("stt", event.stt.model, back=event.available))
    return adapter


def build_tts(settings: Settings) -> tts.TTS[Any]:
    """The speaker's client, with its fallbacks."""
    chain = settings.tts.chain
    clients = [_watched("tts", each.label, speaker_client(settings, each)) for each in chain]
    if len(clients) == 1:
        return clients[0]
    adapter = tts.FallbackAdapter(clients, max_retry_per_tts=0)
    adapter.on("tts_availability_changed", lambda event: _changed("tts", event.tts.model, back=event.available))
    return adapter


def model_client(settings: Settings, model: Model) -> llm.LLM[Any]:
    """One model's client."""
    asked = settings.llm
    return openai.LLM(
        model=model.name,
        api_key=plain(model_key(settings.services, asked, model)),
        base_url=model.base_url or settings.services.openai_base_url,
        temperature=NOT_GIVEN if asked.temperature is None else asked.temperature,
        prompt_cache_key=asked.prompt_cache_key or NOT_GIVEN,
    )


def listener_client(settings: Settings, choice: Speech) -> stt.STT[Any]:
    """One listener's client."""
    services, language = settings.services, settings.stt.language
    if choice.provider == "openai":
        several = language == "multi"
        return openai.STT(
            model=choice.model,
            language="" if several else language.split("-")[0],
            detect_language=several,
            api_key=plain(listener_key(services, settings.stt)),
            base_url=settings.stt.base_url or services.openai_base_url,
        )
    key = plain(services.deepgram_api_key)
    if choice.model.startswith("flux"):
        return deepgram.STTv2(
            model=choice.model, api_key=key, base_url=services.deepgram_base_url.replace("/v1/", "/v2/")
        )
    return deepgram.STT(model=choice.model, language=language, api_key=key, base_url=services.deepgram_base_url)


def speaker_client(settings: Settings, choice: Speech) -> tts.TTS[Any]:
    """One speaker's client."""
    services = settings.services
    if choice.provider == "openai":
        return openai.TTS(
            model=choice.model,
            voice=choice.voice or DEFAULT_VOICE,
            api_key=plain(speaker_key(services, settings.tts)),
            base_url=settings.tts.base_url or services.openai_base_url,
            response_format="pcm",  # nothing to decode
        )
    return cartesia.TTS(
        model=choice.model,
        language=settings.tts.language,
        api_key=plain(services.cartesia_api_key),
        base_url=services.cartesia_base_url,
        voice=choice.voice or TTSDefaultVoiceId,
    )


def plain(key: SecretStr | None) -> str:
    """A key as the clients take it."""
    return key.get_secret_value() if key else _KEYLESS


def provider_failed(stage: Stage, provider: str, error: Exception, *, again: bool) -> None:
    """Count and log a failed attempt, without the error's text; `again` tells whether there will be another one."""
    metrics.provider_failed(stage, provider)
    status = getattr(error, "status_code", None)
    log.warning(
        "provider_failed", stage=stage, provider=provider, error=type(error).__name__, status=status, again=again
    )


def _watched(stage: Stage, provider: str, client: Client) -> Client:
    """Have each failed attempt logged, without the error's text: it may quote what was said."""

    def failed(event: llm.LLMError | stt.STTError | tts.TTSError) -> None:
        provider_failed(stage, provider, event.error, again=event.recoverable)

    client.on("error", failed)
    return client


def _changed(stage: Stage, model: str, *, back: bool) -> None:
    if not back:
        metrics.fell_back(stage, model)
    log.warning("provider_is_back" if back else "provider_given_up", stage=stage, model=model)
