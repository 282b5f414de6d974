"""All settings of the worker, read from the environment and checked at once."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from config.groups import (
    AgentSettings,
    LlmSettings,
    LogSettings,
    SttSettings,
    TtsSettings,
    TurnSettings,
    WorkerSettings,
)
from config.problems import ConfigError, describe, misspelt
from config.services import ServiceSettings
from config.uploads import UploadSettings
from config.vision import VisionSettings


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; see `config.services`, `config.groups`, `config.vision` and `config.uploads`."""

    services: ServiceSettings
    agent: AgentSettings
    stt: SttSettings
    llm: LlmSettings
    tts: TtsSettings
    turn: TurnSettings
    vision: VisionSettings
    uploads: UploadSettings
    worker: WorkerSettings
    log: LogSettings


SECTIONS: Final[Mapping[str, type[BaseSettings]]] = {
    "services": ServiceSettings,
    "agent": AgentSettings,
    "stt": SttSettings,
    "llm": LlmSettings,
    "tts": TtsSettings,
    "turn": TurnSettings,
    "vision": VisionSettings,
    "uploads": UploadSettings,
    "worker": WorkerSettings,
    "log": LogSettings,
}
"""Sections in the order in which they are documented."""


def variables() -> Iterator[tuple[str, type[BaseSettings], str]]:
    """Every environment variable that is read: its name, its section's class and its field."""
    for section in SECTIONS.values():
        prefix = section.model_config.get("env_prefix", "")
        for field in section.model_fields:
            yield f"{prefix}{field}".upper().removesuffix("_"), section, field


def load_settings() -> Settings:
    """Read the process environment.

    Raises:
        ConfigError: With every problem found, in plain words.
    """
    loaded: dict[str, Any] = {}
    problems: list[str] = []
    for name, section in SECTIONS.items():
        try:
            loaded[name] = section()
        except ValidationError as error:
            problems += describe(section, error)
    problems += misspelt(os.environ, [name for name, _, _ in variables()])
    problems += _unreadable(loaded.get("agent"))
    if problems:
        raise ConfigError(problems)
    return Settings(**loaded)


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
