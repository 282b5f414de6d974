"""The JSON of Gemini's Live API, read, and the ways in which its server ends a connection.

Source: Google's "Live API - WebSockets API reference", and for close codes and reasons what clients report: the
reference names none.
"""

import base64
import binascii
import json
from typing import Any

from sandbox.realtime.socket import Ending

_FREE = {"args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema"}
"""What holds keys of the client's own."""
_MESSAGES: dict[str, set[str]] = {
    "setup": set(),
    "clientContent": {"turns", "turnComplete"},
    "realtimeInput": {"audio", "video", "text", "mediaChunks", "activityStart", "activityEnd", "audioStreamEnd"},
    "toolResponse": {"functionResponses"},
}
"""What a client may send, and what may be in it; a setup may hold more than is listed here."""


def invalid(reason: str = "Request contains an invalid argument.") -> Ending:
    """The client sent what it must not."""
    return Ending(reason, 1007)


def wrong_key() -> Ending:
    """Refused by the key."""
    return invalid("API key not valid. Please pass a valid API key.")


def not_found() -> Ending:
    """No such conversation to take up."""
    return Ending("BidiGenerateContent session not found", 1008)


def outstayed() -> Ending:
    """The client is still there when its time is up."""
    return Ending("Connection aborted because the client failed to close the connection after receiving a GoAway", 1008)


def expired() -> Ending:
    """The session is over in the middle of something."""
    return Ending("Deadline expired before operation could complete.", 1011)


def failed(status: int) -> Ending:
    """What an HTTP status is on this wire, which has no errors but the end of the connection."""
    if status == 429:
        return Ending("You exceeded your current quota, please check your plan and billing details.", 1011)
    if status == 503:
        return Ending("The service is currently unavailable.", 1011)
    return Ending("Internal error encountered.", 1011)


def message_of(data: str | bytes) -> tuple[str, dict[str, Any]]:
    """The name of a client's message, and what it holds.

    Raises:
        Ending: It is none.
    """
    try:
        [(name, body)] = camel(json.loads(data)).items()
    except (ValueError, AttributeError) as error:
        raise invalid() from error
    if name not in _MESSAGES or not isinstance(body, dict):
        raise invalid(f'Invalid JSON payload received. Unknown name "{name}"')
    if _MESSAGES[name] and (unknown := sorted(set(body) - _MESSAGES[name])):
        raise invalid(f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{name}'")
    return name, body


def camel(data: Any) -> Any:
    """The same with keys as the reference writes them: protocol buffers take `turn_complete` for `turnComplete`."""
    if isinstance(data, list):
        return [camel(each) for each in data]
    if not isinstance(data, dict):
        return data
    named = {_camel(key): value for key, value in data.items()}
    return {key: value if key in _FREE else camel(value) for key, value in named.items()}


def blob(data: dict[str, Any]) -> tuple[str, bytes]:
    """Type and bytes of a `Blob`; the alphabet for addresses serves as well as the usual one.

    Raises:
        Ending: It is none.
    """
    try:
        text = str(data["data"]).replace("-", "+").replace("_", "/").rstrip("=")
        return str(data["mimeType"]), base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise invalid() from error


def as_blob(mime: str, data: bytes) -> dict[str, str]:
    """A `Blob`."""
    return {"mimeType": mime, "data": base64.b64encode(data).decode()}


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)
