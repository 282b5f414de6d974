"""Which keys the chosen providers need, and which of them goes to which server."""

from urllib.parse import urlsplit

from pydantic import SecretStr

from config.chain import Model
from config.providers import LlmSettings, SttSettings, TtsSettings
from config.realtime import RealtimeSettings
from config.services import ProviderAccess

_OPENAI = "api.openai.com"
_GOOGLE = "generativelanguage.googleapis.com"


def missing_keys(access: ProviderAccess, stt: SttSettings, llm: LlmSettings, tts: TtsSettings) -> list[str]:
    """One sentence for each key that is needed and not set."""
    listeners = {each.provider for each in stt.chain}
    speakers = {each.provider for each in tts.chain}
    own = access.openai_base_url
    asked = [model.base_url or own for model in llm.chain]
    asked += [stt.base_url or own] * ("openai" in listeners and stt.api_key is None)
    asked += [tts.base_url or own] * ("openai" in speakers and tts.api_key is None)
    needed = {
        "deepgram_api_key": "deepgram" in listeners,
        "openai_api_key": any(_is_openai(url) for url in asked),
        "cartesia_api_key": "cartesia" in speakers,
    }
    return [_missing(name) for name, wanted in needed.items() if wanted and getattr(access, name) is None]


def missing_realtime_keys(access: ProviderAccess, realtime: RealtimeSettings, judge: LlmSettings | None) -> list[str]:
    """The same for a call on a speech-to-speech model, which needs no other provider but for its watch."""
    own = access.openai_base_url
    live = [realtime.base_url or own] if realtime.provider == "openai" else []
    asked = [*live, *(model.base_url or own for model in (judge.chain if judge else ()))]
    needed = {
        "openai_api_key": any(map(_is_openai, asked)),
        "google_api_key": realtime.provider == "google" and _host(realtime.base_url) in {None, _GOOGLE},
    }
    return [_missing(name) for name, wanted in needed.items() if wanted and getattr(access, name) is None]


def realtime_key(access: ProviderAccess, realtime: RealtimeSettings) -> SecretStr | None:
    """The key for a speech-to-speech model's server; Google's goes to whatever address was named for it."""
    return access.google_api_key if realtime.provider == "google" else _key_for(access, realtime.base_url, None)


def model_key(access: ProviderAccess, llm: LlmSettings, model: Model) -> SecretStr | None:
    """The key for a model's server."""
    return _key_for(access, model.base_url, llm.fallback_api_key)


def listener_key(access: ProviderAccess, stt: SttSettings) -> SecretStr | None:
    """The key for an OpenAI compatible listener."""
    return stt.api_key or _key_for(access, stt.base_url, None)


def speaker_key(access: ProviderAccess, tts: TtsSettings) -> SecretStr | None:
    """The key for an OpenAI compatible speaker."""
    return tts.api_key or _key_for(access, tts.base_url, None)


def _missing(name: str) -> str:
    return f"{name.upper()}: not set. {ProviderAccess.model_fields[name].description}"


def _key_for(access: ProviderAccess, url: str, own: SecretStr | None) -> SecretStr | None:
    """OpenAI's key goes to OpenAI and to the server that `OPENAI_BASE_URL` names, and nowhere else."""
    same = not url or urlsplit(url).netloc == urlsplit(access.openai_base_url).netloc
    return access.openai_api_key if same or _is_openai(url) else own


def _is_openai(url: str) -> bool:
    return _host(url) == _OPENAI


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
