"""All settings of the worker, read from the environment and checked at once."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from config.groups import (
    AgentSettings,
    LogSettings,
    WorkerSettings,
)
from config.keys import missing_keys, missing_realtime_keys
from config.phrases import PhraseSettings
from config.problems import ConfigError, describe, misspelt
from config.providers import LlmSettings, SttSettings, TtsSettings
from config.realtime import RealtimeSettings
from config.secrets import file_variables, read_secrets
from config.services import ProviderAccess, ServiceSettings
from config.telemetry import TelemetrySettings
from config.turn import FLUX, TurnSettings
from config.uploads import UploadSettings
from config.vision import VisionSettings
from config.watch import WatchSettings


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; see `config.services`, `config.providers`, `config.groups` and the others."""

    services: ServiceSettings
    agent: AgentSettings
    stt: SttSettings
    llm: LlmSettings
    tts: TtsSettings
    realtime: RealtimeSettings
    turn: TurnSettings
    phrases: PhraseSettings
    vision: VisionSettings
    watch: WatchSettings
    uploads: UploadSettings
    worker: WorkerSettings
    log: LogSettings
    telemetry: TelemetrySettings


SECTIONS: Final[Mapping[str, type[BaseSettings]]] = {
    "services": ServiceSettings,
    "agent": AgentSettings,
    "stt": SttSettings,
    "llm": LlmSettings,
    "tts": TtsSettings,
    "realtime": RealtimeSettings,
    "turn": TurnSettings,
    "phrases": PhraseSettings,
    "vision": VisionSettings,
    "watch": WatchSettings,
    "uploads": UploadSettings,
    "worker": WorkerSettings,
    "log": LogSettings,
    "telemetry": TelemetrySettings,
}
"""Sections in the order in which they are documented."""


def variables() -> Iterator[tuple[str, type[BaseSettings], str]]:
    """Every environment variable that is read: its name, its section's class and its field."""
    for section in SECTIONS.values():
        prefix = section.model_config.get("env_prefix", "")
        for field in section.model_fields:
            yield f"{prefix}{field}".upper().removesuffix("_"), section, field


def secret_files() -> Iterator[str]:
    """Every variable that names a file with a secret; see `config.secrets`."""
    for section in SECTIONS.values():
        yield from (name for name, _ in file_variables(section))


def load_settings() -> Settings:
    """Read the process environment, and the files that it names.

    Raises:
        ConfigError: With every problem found, in plain words.
    """
    loaded: dict[str, Any] = {}
    secrets: dict[str, dict[str, Any]] = {}
    problems: dict[str, list[str]] = {}
    for name, section in SECTIONS.items():
        secrets[name], problems[name] = read_secrets(section)
        try:
            loaded[name] = section(**secrets[name])
        except ValidationError as error:
            problems[name] += describe(section, error)
    problems["services"] += _unset_keys(loaded, secrets["services"])
    found = [problem for section in problems.values() for problem in section]
    found += misspelt(os.environ, [*(name for name, _, _ in variables()), *secret_files()])
    found += _unreadable(loaded.get("agent"))
    found += _without_turns(loaded.get("turn"), loaded.get("stt"))
    found += _interrupted(loaded.get("agent"), loaded.get("turn"), loaded.get("realtime"))
    if found:
        raise ConfigError(found)
    return Settings(**loaded)


def _unset_keys(loaded: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[str]:
    """The keys that the chosen providers need, as far as it is known who they are."""
    with suppress(ValidationError, KeyError):
        access = loaded.get("services") or ProviderAccess(**secrets)
        if loaded["agent"].mode == "realtime":
            judge = loaded["llm"] if loaded["watch"].prompt else None
            return missing_realtime_keys(access, loaded["realtime"], judge)
        return missing_keys(access, loaded["stt"], loaded["llm"], loaded["tts"])
    return []


def _unreadable(agent: BaseSettings | None) -> list[str]:
    """A persona file that cannot be read is known before the first call, not in it."""
    if not isinstance(agent, AgentSettings) or agent.instructions_file is None:
        return []
    try:
        agent.instructions_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return [f"AGENT__INSTRUCTIONS_FILE: found {str(agent.instructions_file)!r}: {reason}"]
    return []


def _without_turns(turn: BaseSettings | None, stt: BaseSettings | None) -> list[str]:
    """A listener that tells no turns would leave every one unanswered."""
    if not isinstance(turn, TurnSettings) or not isinstance(stt, SttSettings) or turn.detection != "stt":
        return []
    return [
        f"TURN__DETECTION: found 'stt', which needs listeners that tell turns themselves, but {each.model!r} of "
        f"{each.provider} does not; choose flux models of Deepgram (STT__MODEL, STT__FALLBACK), or vad, model or manual"
        for each in stt.chain
        if each.provider != "deepgram" or not each.model.startswith(FLUX)
    ]


def _interrupted(agent: BaseSettings | None, turn: BaseSettings | None, realtime: BaseSettings | None) -> list[str]:
    """The framework lets whoever speaks interrupt OpenAI's model where that model finds the turns itself."""
    if not isinstance(agent, AgentSettings) or not isinstance(turn, TurnSettings):
        return []
    if not isinstance(realtime, RealtimeSettings) or agent.mode != "realtime" or turn.interruptions:
        return []
    if realtime.provider != "openai" or realtime.turn_detection != "model":
        return []
    problem = (
        "TURN__INTERRUPTIONS: found false, which OpenAI Realtime can't do while it finds the turns itself; set "
        "REALTIME__TURN_DETECTION to manual, REALTIME__PROVIDER to google, or leave it true"
    )
    return [problem]
