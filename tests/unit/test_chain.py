"""Providers and those that step in for them: how they are written, and which keys they need."""

import pytest

from config.chain import Model, Speech
from config.keys import listener_key, missing_keys, model_key, speaker_key
from config.providers import LlmSettings, SttSettings, TtsSettings
from config.services import ProviderAccess
from tests.unit.test_settings import load, problems

pytestmark = pytest.mark.usefixtures("own_environment")

LOCAL = "http://127.0.0.1:8000/v1"


def test_each_provider_has_a_model_where_none_is_named() -> None:
    """Naming the provider is enough."""
    assert SttSettings().chain == (Speech("deepgram", "nova-3"),)
    assert SttSettings(provider="openai").chain == (Speech("openai", "gpt-4o-mini-transcribe"),)
    assert TtsSettings(provider="openai").chain == (Speech("openai", "gpt-4o-mini-tts"),)


def test_fallbacks_are_asked_in_their_order() -> None:
    """After the first, each with the model and voice it names."""
    settings = load(
        {
            "STT__FALLBACK": "deepgram:nova-2  openai",
            "LLM__FALLBACK": f"gpt-4.1-mini llava:7b@{LOCAL}",
            "TTS__VOICE": "an-id",
            "TTS__FALLBACK": "openai:tts-1:nova cartesia:sonic-2",
        }
    )
    assert [each.label for each in settings.stt.chain] == [
        "deepgram/nova-3",
        "deepgram/nova-2",
        "openai/gpt-4o-mini-transcribe",
    ]
    assert settings.llm.chain == (Model("gpt-4.1"), Model("gpt-4.1-mini"), Model("llava:7b", LOCAL))
    assert settings.tts.chain == (
        Speech("cartesia", "sonic-3", "an-id"),
        Speech("openai", "tts-1", "nova"),
        Speech("cartesia", "sonic-2"),
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("STT__FALLBACK", "whisper", "STT__FALLBACK: found 'whisper', allowed providers: deepgram, openai"),
        ("STT__FALLBACK", "openai:", "STT__FALLBACK: found 'openai:', expected provider:model"),
        ("TTS__FALLBACK", "openai::nova", "TTS__FALLBACK: found 'openai::nova', expected provider:model:voice"),
        ("LLM__FALLBACK", "gpt@nowhere", "LLM__FALLBACK: found 'gpt@nowhere', expected model or model@https://host/v1"),
        ("LLM__FALLBACK", "a b c d e", "LLM__FALLBACK: found 5 entries, at most 4"),
    ],
)
def test_bad_fallback_is_told_in_plain_words(name: str, value: str, sentence: str) -> None:
    """The variable, what was found, what is allowed."""
    assert problems({name: value}) == [sentence]


@pytest.mark.parametrize(
    ("changes", "without"),
    [
        ({"STT__PROVIDER": "openai"}, "DEEPGRAM_API_KEY"),
        ({"TTS__PROVIDER": "openai"}, "CARTESIA_API_KEY"),
        ({"OPENAI_BASE_URL": LOCAL}, "OPENAI_API_KEY"),
        ({"OPENAI_BASE_URL": LOCAL, "STT__FALLBACK": "openai"}, "OPENAI_API_KEY"),
    ],
)
def test_key_of_who_is_not_asked_is_not_needed(changes: dict[str, str], without: str) -> None:
    """Only keys in use are required."""
    load(changes, without=(without,))


@pytest.mark.parametrize(
    ("changes", "without"),
    [
        ({"STT__PROVIDER": "openai", "STT__FALLBACK": "deepgram"}, "DEEPGRAM_API_KEY"),
        ({"TTS__PROVIDER": "openai", "TTS__FALLBACK": "cartesia"}, "CARTESIA_API_KEY"),
        ({"OPENAI_BASE_URL": LOCAL, "LLM__FALLBACK": "gpt-4.1@https://api.openai.com/v1"}, "OPENAI_API_KEY"),
        ({"OPENAI_BASE_URL": LOCAL, "TTS__BASE_URL": "https://api.openai.com/v1", "TTS__FALLBACK": "openai"},
         "OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_key_of_who_steps_in_is_needed_from_the_start(changes: dict[str, str], without: str) -> None:
    """Else the fallback would be found missing when it is wanted."""
    [problem] = problems(changes, without=(without,))
    assert problem.startswith(f"{without}: not set. ")


def test_openai_key_goes_nowhere_else() -> None:
    """Another server gets its own key or none."""
    access = ProviderAccess.model_validate({"openai_api_key": "openai's", "openai_base_url": "http://mine/v1"})
    llm = LlmSettings.model_validate({"fallback_api_key": "theirs"})

    def key(model: Model) -> str | None:
        found = model_key(access, llm, model)
        return None if found is None else found.get_secret_value()

    assert key(Model("m")) == key(Model("m", "http://mine/v1")) == "openai's"
    assert key(Model("m", "https://api.openai.com/v1")) == "openai's"
    assert key(Model("m", "https://api.openai.com.evil.example/v1")) == "theirs"
    assert listener_key(access, SttSettings(base_url=LOCAL)) is None
    assert speaker_key(access, TtsSettings(base_url=LOCAL)) is None


def test_every_missing_key_is_named() -> None:
    """All at once."""
    missing = missing_keys(ProviderAccess(), SttSettings(), LlmSettings(), TtsSettings())
    assert [each.split(":")[0] for each in missing] == ["DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"]
