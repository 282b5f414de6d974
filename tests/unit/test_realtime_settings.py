"""What a call on a speech-to-speech model makes of the settings."""

import os
from dataclasses import replace
from unittest.mock import patch

import pytest

from agent.dispatch import parse_dispatch
from agent.realtime.model import edges_of, for_realtime
from config.problems import ConfigError
from config.settings import Settings, load_settings
from tests.fakes import settings

LIVEKIT = {"LIVEKIT_URL": "ws://localhost", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "secret"}


def load(values: dict[str, str]) -> Settings:
    """The settings of an environment that says nothing else."""
    with patch.dict(os.environ, LIVEKIT | {"AGENT__MODE": "realtime"} | values, clear=True):
        return load_settings()


def test_openai_is_interrupted_where_it_finds_the_turns() -> None:
    """What it can't do is told before the first call."""
    never = {"OPENAI_API_KEY": "key", "TURN__INTERRUPTIONS": "false"}
    with pytest.raises(ConfigError) as caught:
        load(never)
    assert caught.value.problems[0].startswith("TURN__INTERRUPTIONS: found false")
    assert load(never | {"REALTIME__TURN_DETECTION": "manual"}).turn.interruptions is False


def test_only_the_models_key_is_required() -> None:
    """Nobody else is asked."""
    with pytest.raises(ConfigError) as caught:
        load({})
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["OPENAI_API_KEY"]
    assert load({"OPENAI_API_KEY": "key"}).realtime.chosen == "gpt-realtime"
    assert load({"REALTIME__BASE_URL": "http://localhost:1/v1"}).services.openai_api_key is None


def test_pictures_are_fitted_and_compared() -> None:
    """Whatever they show; smaller limits stay."""
    sight = for_realtime(settings()).vision
    assert (sight.max_width, sight.max_height, sight.screen_max_width, sight.screen_max_height) == (1024,) * 4
    assert (sight.skip_unchanged, sight.format) == (True, "jpeg")
    small = replace(settings(), vision=settings().vision.model_copy(update={"max_width": 300, "format": "png"}))
    assert (for_realtime(small).vision.max_width, for_realtime(small).vision.format) == (300, "jpeg")


def test_turns_are_taken_as_the_model_takes_them() -> None:
    """By the provider, or by a button."""
    assert for_realtime(settings()).turn.detection == "vad"
    pressed = replace(settings(), realtime=settings().realtime.model_copy(update={"turn_detection": "manual"}))
    assert for_realtime(pressed).turn.detection == "manual"
    assert edges_of(settings().turn).min_silence_s == 0.2


def test_dispatch_chooses_voice_and_language() -> None:
    """For this kind of model too."""
    changed = parse_dispatch('{"voice": "cedar", "language": "de-DE"}').apply(settings())
    assert (changed.realtime.voice, changed.realtime.language) == ("cedar", "de")
