"""Where a picture that is given with a call comes from: the reference itself, a file or an https address."""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MAX_REFERENCES: Final = 20
"""Pictures that a call may begin with."""
MAX_URL_CHARACTERS: Final = 2048

_SHOWN_CHARACTERS: Final = 60
"""So much of a reference is repeated in a message, at most."""


@dataclass(frozen=True, slots=True)
class DataUrl:
    """The picture itself."""

    data: bytes = field(repr=False)
    """The file; never empty, and not yet known to be a picture."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine."""

    path: Path
    """Absolute, or relative to the working directory; not yet known to exist."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A picture on the web."""

    url: str = field(repr=False)  # its query may be a key
    """An https address without user and password; nothing is known of its host yet."""


Reference = DataUrl | LocalFile | Remote


def parse_reference(text: str, *, files: bool) -> Reference:
    """Read a reference to a picture.

    Args:
        text: A data URL, an https address or a path.
        files: Whether a path is allowed.

    Raises:
        ValueError: With what was found, as far as it may be printed, and what is allowed.
    """
    scheme = text.partition(":")[0].lower() if ":" in text else ""
    if scheme == "data":
        return DataUrl(_payload(text))
    if scheme == "https":
        return _remote(text)
    if scheme == "http":
        raise _refused(text, "is not encrypted: only https is allowed")
    if not files:
        raise _refused(text, "is not allowed here: give an https or data URL")
    if scheme == "file":
        raise _refused(text, "is a URL: give the file's path instead")
    if re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        raise _refused(text, "is a URL of another kind: allowed are an https or data URL and a path")
    if not text.strip() or "\0" in text or not _encodable(text):
        raise _refused(text, "names no file: allowed are an https or data URL and a path")
    return LocalFile(Path(text))


def parse_references(text: str) -> tuple[str, ...]:
    """Split the value of a variable into references; none of them is read yet.

    Args:
        text: Words between white space, or a JSON list of strings, which a path with spaces needs.

    Raises:
        ValueError: If it is neither.
    """
    text = text.strip()
    if not text.startswith(("[", "{", '"')):
        return tuple(text.split())
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("found broken JSON; allowed: a JSON list of strings, or words between spaces") from None
    if not isinstance(found, list):
        raise ValueError(f"found a JSON {type(found).__name__}; allowed: a JSON list of strings")  # noqa: TRY004
    for place, item in enumerate(found, start=1):
        if not isinstance(item, str) or not item.strip():
            kind = "an empty string" if isinstance(item, str) else f"a JSON {type(item).__name__}"
            raise ValueError(f"found {kind} as number {place} of the list; allowed: a JSON list of strings")
    return tuple(found)


def _payload(text: str) -> bytes:
    """What a data URL holds."""
    allowed = "allowed: data:image/...;base64,..."
    head, comma, payload = text.partition(",")
    kind, *parameters = [part.strip().lower() for part in head[len("data:") :].split(";")]
    if not comma or not parameters or parameters[-1] != "base64":
        raise _refused(text, f"is not in base64; {allowed}")
    if kind and not kind.startswith("image/"):
        raise _refused(text, f"is no picture by its type; {allowed}")
    if not payload:
        raise _refused(text, f"is empty; {allowed}")
    if "%" in payload:
        raise _refused(text, f"has percent signs where only base64 may stand; {allowed}")
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise _refused(text, f"has {len(payload):,} characters of broken base64 ({error}); {allowed}") from None


def _remote(text: str) -> Remote:
    """An https address, checked for its form."""
    if len(text) > MAX_URL_CHARACTERS:
        raise _refused(text, f"has {len(text):,} characters, at most {MAX_URL_CHARACTERS:,}")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise _refused(text, "has white space or control characters, which no URL may have")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(text, "has no valid host or port; allowed: https://host/..., a port from 1 to 65535") from None
    if "@" in parts.netloc:
        raise _refused(text, "has a user or password, and neither is allowed")
    if not parts.hostname:
        raise _refused(text, "has no host; allowed: https://host/...")
    if port == 0:
        raise _refused(text, "has port 0; allowed: 1 to 65535")
    return Remote(text)


def _encodable(text: str) -> bool:
    """Whether a text can be the name of a file."""
    try:
        text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _refused(text: str, why: str) -> ValueError:
    return ValueError(f"found {_shown(text.strip())}, which {why}")


def _shown(text: str) -> str:
    """What may be printed: of a data URL its type, of an address its host, of anything else the beginning."""
    if data := re.match(r"data:[^;,]*", text, re.IGNORECASE):
        shown = f"{data[0]}..."
    elif address := re.match(r"([a-z][a-z0-9+.-]*:/*)([^/?#\\]*)", text, re.IGNORECASE):
        # A password may hold any character, so the address is in doubt from the scheme on.
        shown = address[1] + ("..." if "@" in text else address[2])
    else:
        shown = text
    quoted = repr(shown)  # which may write ten characters for one
    return quoted if len(quoted) <= _SHOWN_CHARACTERS + 2 else f"{quoted[: _SHOWN_CHARACTERS - 2]}...{quoted[0]}"
