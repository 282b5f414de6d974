"""What a log line must not tell: what was said, and what a provider answered, which may quote it."""

import re

from structlog.types import EventDict

_QUOTING = re.compile(
    r"^(?P<what>failed to [^:]+|Gemini Realtime API error|error in (?:receive|send) task): "
    r"(?P<error>.*?)(?P<then>, retrying in [\d.]+s)?$",
    re.DOTALL,
)
"""How the framework reports a failed attempt at a provider."""
_RAISED = re.compile(
    r"^(?P<kind>livekit\.agents\._exceptions\.API\w+|openai\.\w+|google\.genai\.errors\.\w+|websockets\.exceptions\.\w+)"
    r": (?P<error>.*)$"
)
"""The last line of a provider's error in a traceback; its text may go on for more lines."""
_STATUS = re.compile(r"\bstatus_code=-?\d+|^\d{3,4}\b")
"""The framework's way to tell it, and Google's: a status, or the code of a connection that was closed."""
_NEXT = re.compile(r"^(?:Traceback |The above exception|During handling)")


def without_personal_data(_: object, __: str, event: EventDict) -> EventDict:
    """Framework records carry transcripts in fields named `lk.pii.*`, and providers' words in their text."""
    kept = {key: value for key, value in event.items() if not key.startswith("lk.pii.")}
    if str(event.get("logger", "")).startswith("livekit"):
        kept["event"] = shortened(str(event["event"]))
        if isinstance(trace := event.get("exception"), str):
            kept["exception"] = without_messages(trace)
    return kept


def shortened(text: str) -> str:
    """The report of a failed attempt, with nothing of the provider's words but the status."""
    found = _QUOTING.match(text)
    return text if found is None else f"{found['what']}{_status(found['error'])}{found['then'] or ''}"


def without_messages(traceback: str) -> str:
    """The traceback, with providers' errors told by kind and status alone."""
    lines, quoting = [], False
    for line in traceback.split("\n"):
        raised = _RAISED.match(line)
        quoting = raised is not None or (quoting and _NEXT.match(line) is None)
        if raised is not None:
            lines.append(f"{raised['kind']}{_status(raised['error'])}")
        elif not quoting:
            lines.append(line)
    return "\n".join(lines)


def _status(error: str) -> str:
    status = _STATUS.search(error)
    return "" if status is None else f": {status[0]}"
