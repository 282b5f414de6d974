"""What Gemini Live is asked for by the settings."""

import dataclasses
from typing import Any

import pytest
from google.genai import types
from livekit.agents import NOT_GIVEN
from pydantic import SecretStr

from agent.realtime.gemini_model import GeminiModel, gemini_model
from agent.realtime.gemini_session import seconds
from agent.realtime.model import PATIENCE
from config.problems import ConfigError
from config.settings import Settings
from tests.fakes import settings
from tests.unit.test_realtime_settings import load


def asked(**changes: Any) -> Settings:
    """Settings of a call with Gemini, some of them changed: `group__name`."""
    changed = settings()
    groups: dict[str, dict[str, Any]] = {"realtime": {"provider": "google"}}
    for name, value in {"services__google_api_key": SecretStr("key"), **changes}.items():
        group, _, field = name.partition("__")
        groups.setdefault(group, {})[field] = value
    for group, values in groups.items():
        changed = dataclasses.replace(changed, **{group: getattr(changed, group).model_copy(update=values)})
    return changed


def model(**changes: Any) -> GeminiModel:
    """The model of these."""
    return gemini_model(asked(**changes), PATIENCE)


def test_model_voice_and_the_rest_are_as_set() -> None:
    """And the provider's own where nothing is."""
    options = model(
        realtime__voice="Kore", realtime__language="de", realtime__temperature=0.3, realtime__base_url="https://here:1"
    )._opts
    assert (options.model, options.voice, options.language, options.temperature) == (
        "gemini-3.8-live",
        "Kore",
        "de",
        0.3,
    )
    assert isinstance(options.http_options, types.HttpOptions)
    assert options.http_options.base_url == "https://here:1"
    assert model()._opts.temperature is NOT_GIVEN


def test_everything_shown_counts_also_in_silence() -> None:
    """What is not sent again because it has not changed must have been seen."""
    given = model()._opts.realtime_input_config
    assert isinstance(given, types.RealtimeInputConfig)
    assert given.turn_coverage is types.TurnCoverage.TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO


@pytest.mark.parametrize(
    ("change", "detection", "handling"),
    [
        ({}, {"silence_duration_ms": 550}, "START_OF_ACTIVITY_INTERRUPTS"),
        ({"turn__interruptions": False}, {"silence_duration_ms": 550}, "NO_INTERRUPTION"),
        ({"realtime__turn_detection": "manual"}, {"disabled": True}, "START_OF_ACTIVITY_INTERRUPTS"),
        (
            {"realtime__turn_detection": "manual", "turn__interruptions": False},
            {"disabled": True},
            "START_OF_ACTIVITY_INTERRUPTS",
        ),
    ],
)
def test_turns_are_taken_as_set(change: dict[str, Any], detection: dict[str, Any], handling: str) -> None:
    """By the provider, or by the caller alone."""
    given = model(**change)._opts.realtime_input_config
    assert isinstance(given, types.RealtimeInputConfig)
    assert given.automatic_activity_detection == types.AutomaticActivityDetection(**detection)
    assert given.activity_handling == handling


def test_conversation_is_cut_by_half() -> None:
    """Else it would end after two minutes."""
    window = model(realtime__context_tokens=10_000)._opts.context_window_compression
    assert isinstance(window, types.ContextWindowCompressionConfig)
    assert window.sliding_window is not None
    assert (window.trigger_tokens, window.sliding_window.target_tokens) == (10_000, 5_000)


def test_keys_that_are_not_used_are_not_required() -> None:
    """Google's is, unless a server of one's own is named."""
    with pytest.raises(ConfigError) as caught:
        load({"REALTIME__PROVIDER": "google"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["GOOGLE_API_KEY"]
    assert load({"REALTIME__PROVIDER": "google", "GOOGLE_API_KEY": "key"}).realtime.chosen == "gemini-3.8-live"
    own = load({"REALTIME__PROVIDER": "google", "REALTIME__BASE_URL": "https://localhost:1"})
    assert own.services.google_api_key is None


def test_openai_has_no_temperature() -> None:
    """It would be ignored without a word."""
    with pytest.raises(ConfigError) as caught:
        load({"OPENAI_API_KEY": "key", "REALTIME__TEMPERATURE": "0.5"})
    assert caught.value.problems == ["REALTIME__TEMPERATURE: OpenAI's Realtime API has none; unset it"]


def test_gemini_is_not_reached_without_tls() -> None:
    """Its client would speak TLS all the same, and nobody would know why it fails."""
    with pytest.raises(ConfigError) as caught:
        load({"REALTIME__PROVIDER": "google", "GOOGLE_API_KEY": "key", "REALTIME__BASE_URL": "http://proxy"})
    [problem] = caught.value.problems
    assert problem.startswith("REALTIME__BASE_URL: found 'http://proxy', expected https://")


@pytest.mark.parametrize(("text", "expected"), [("50s", 50.0), ("9.5s", 9.5), ("", 0.0), (None, 0.0), ("soon", 0.0)])
def test_durations_are_read(text: str | None, expected: float) -> None:
    """As the protocol writes them."""
    assert seconds(text) == expected
