"""Secrets by file: `NAME_FILE` names a file that holds what `NAME` would.

Every setting that is a secret can be given so, without a list of them: whatever is a `SecretStr`, and the API keys
that are not hidden. Files are how Docker, Kubernetes and systemd hand secrets out; unlike variables they are not shown
by `inspect`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic_settings import BaseSettings

SUFFIX: Final = "_FILE"
MAX_BYTES: Final = 65_536
"""More than any key has: what is larger is the wrong file, or has no end."""
_HOLDS_THE_PLACE: Final = "unreadable"


def file_variables(section: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """The variable that names a file, for each secret of a group of settings, with the field it fills."""
    prefix = section.model_config.get("env_prefix", "")
    for field, info in section.model_fields.items():
        if SecretStr.__name__ in str(info.annotation) or field.endswith("api_key"):
            yield f"{prefix}{field}{SUFFIX}".upper(), field


def read_secrets(section: type[BaseSettings]) -> tuple[dict[str, Any], list[str]]:
    """What the files of a group hold, by field, and one sentence for each that can't be used.

    A secret whose file can't be used has a value all the same, so that it is not called missing as well.
    """
    environ = {name.upper(): value.strip() for name, value in os.environ.items()}
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, field in file_variables(section):
        path, variable = environ.get(name, ""), name.removesuffix(SUFFIX)
        if not path:  # Compose files pass empty strings for what nobody set
            continue
        values[field] = _HOLDS_THE_PLACE
        if environ.get(variable):
            problems.append(f"{name}: {variable} is set as well; set one of the two")
            continue
        try:
            values[field] = _read(Path(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(f"{name}: found {path!r}: {reason}")
    return values, problems


def _read(path: Path) -> str:
    """The one line of a file, without its end.

    Raises:
        OSError: If it can't be read.
        ValueError: If it holds no secret; the message does not repeat what it holds.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes, which no secret has")
    try:
        lines = content.decode("utf-8-sig").strip().splitlines()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    if not lines:
        raise ValueError("it is empty")
    if len(lines) > 1:
        raise ValueError(f"it has {len(lines)} lines, and a secret has one")
    return lines[0]
