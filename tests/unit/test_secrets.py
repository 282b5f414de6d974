"""Secrets by file: each can be given so, and nothing of a file is ever told."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from agent.ops.starts import StartWatch
from agent.worker import build_server
from config.group import group
from config.problems import ConfigError
from config.secrets import MAX_BYTES, file_variables, read_secrets
from config.settings import Settings, load_settings, secret_files
from tests.fakes import REQUIRED

pytestmark = pytest.mark.usefixtures("own_environment")

KEYS = [name for name in REQUIRED if name != "LIVEKIT_URL"]


def load(changes: Mapping[str, str], without: tuple[str, ...] = ()) -> Settings:
    """Load from the smallest environment, changed."""
    os.environ.update({name: value for name, value in REQUIRED.items() if name not in without} | dict(changes))
    return load_settings()


def problems(changes: Mapping[str, str], without: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with that environment."""
    with pytest.raises(ConfigError) as caught:
        load(changes, without)
    return caught.value.problems


def held(settings: Settings, name: str) -> str:
    """What a setting of the services holds."""
    value = getattr(settings.services, name.lower())
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def test_every_key_of_the_smallest_environment_can_be_a_file() -> None:
    """Whoever can't set a variable needs none of them but the server's address."""
    assert {f"{name}_FILE" for name in KEYS} <= set(secret_files())


@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n\n"])
def test_secrets_are_read_from_files(tmp_path: Path, end: str) -> None:
    """All of them at once; what an editor leaves at the end does not count."""
    for name in KEYS:
        (tmp_path / name).write_bytes(f"the {name} of a file{end}".encode())
    settings = load({f"{name}_FILE": str(tmp_path / name) for name in KEYS}, without=tuple(KEYS))
    assert [held(settings, name) for name in KEYS] == [f"the {name} of a file" for name in KEYS]


def test_secret_of_any_group_can_be_a_file(tmp_path: Path) -> None:
    """There is no list of secrets to keep: the type decides."""

    class Fallback(BaseSettings):
        model_config = group("LLM")
        second_key: SecretStr | None = Field(default=None)
        second_model: str = "gpt"

    (tmp_path / "key").write_text("from a file\n")
    os.environ["LLM__SECOND_KEY_FILE"] = str(tmp_path / "key")
    assert list(file_variables(Fallback)) == [("LLM__SECOND_KEY_FILE", "second_key")]
    values, unusable = read_secrets(Fallback)
    second = Fallback(**values).second_key
    assert second is not None
    assert second.get_secret_value() == "from a file"
    assert unusable == []


@pytest.mark.parametrize("name", KEYS)
def test_variable_and_file_together_are_an_error(tmp_path: Path, name: str) -> None:
    """Which of them counts is not for us to guess."""
    (tmp_path / "key").write_text("a secret of a file")
    assert problems({f"{name}_FILE": str(tmp_path / "key")}) == [
        f"{name}_FILE: {name} is set as well; set one of the two"
    ]


@pytest.mark.parametrize("name", KEYS)
def test_what_is_blank_is_not_set(tmp_path: Path, name: str) -> None:
    """Compose files and templates pass empty strings for what nobody set."""
    (tmp_path / "key").write_text("from a file")
    assert held(load({name: " ", f"{name}_FILE": str(tmp_path / "key")}), name) == "from a file"
    assert held(load({name: REQUIRED[name], f"{name}_FILE": " "}), name) == REQUIRED[name]


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"confidential \xff", "it is not UTF-8 text"),
        (b"confidential\nalso confidential\n", "it has 2 lines, and a secret has one"),
        (b"confidential" * MAX_BYTES, f"more than {MAX_BYTES:,} bytes, which no secret has"),
    ],
)
def test_unusable_file_is_named_and_its_content_is_not(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    """One sentence each: the variable, the file and the reason; the secret is not called missing as well."""
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    found = problems({f"{name}_FILE": str(path)}, without=(name,))
    assert found == [f"{name}_FILE: found {str(path)!r}: {reason}"]
    assert "confidential" not in found[0]


def test_directory_is_no_secret(tmp_path: Path) -> None:
    """A mount that was not there is made as a directory by some engines."""
    assert problems({"OPENAI_API_KEY_FILE": str(tmp_path)}, without=("OPENAI_API_KEY",)) == [
        f"OPENAI_API_KEY_FILE: found {str(tmp_path)!r}: Is a directory"
    ]


def test_problems_of_files_are_listed_with_all_others(tmp_path: Path) -> None:
    """Nobody has to start the worker three times to learn of three mistakes."""
    changes = {
        "DEEPGRAM_API_KEY_FILE": str(tmp_path / "none"),
        "CARTESIA_API_KEY_FILE": str(tmp_path / "neither"),
        "WORKER__MAX_JOBS": "many",
    }
    found = problems(changes, without=("DEEPGRAM_API_KEY", "CARTESIA_API_KEY", "OPENAI_API_KEY"))
    assert [problem.split(":")[0] for problem in found] == [
        "DEEPGRAM_API_KEY_FILE",
        "CARTESIA_API_KEY_FILE",
        "OPENAI_API_KEY",
        "WORKER__MAX_JOBS",
    ]


def test_key_of_a_file_is_not_missing_where_another_setting_is_wrong(tmp_path: Path) -> None:
    """Which keys the providers need is judged with those that came as files."""
    (tmp_path / "key").write_text("a key")
    changes = {"LIVEKIT_URL": "livekit", "DEEPGRAM_API_KEY_FILE": str(tmp_path / "key")}
    assert [problem.split(":")[0] for problem in problems(changes, without=("DEEPGRAM_API_KEY",))] == ["LIVEKIT_URL"]


def test_secret_of_a_file_is_never_printed(tmp_path: Path) -> None:
    """As one of a variable."""
    (tmp_path / "key").write_text("confidential")
    settings = load({"LIVEKIT_API_SECRET_FILE": str(tmp_path / "key")}, without=("LIVEKIT_API_SECRET",))
    assert held(settings, "LIVEKIT_API_SECRET") == "confidential"
    assert "confidential" not in repr(settings) + str(settings)


def test_job_processes_can_load_the_settings_again(tmp_path: Path) -> None:
    """The framework gives them the LiveKit key and secret as variables, whatever the worker had."""
    names = ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
    for name in names:
        (tmp_path / name).write_text(REQUIRED[name])
    settings = load({f"{name}_FILE": str(tmp_path / name) for name in names}, without=names)
    build_server(settings, intercom="", reports="", starts=StartWatch(1, on_failure=lambda: None))
    os.environ.update({name: REQUIRED[name] for name in names})  # as AgentServer.run() does
    assert load_settings() == settings
