"""How a client wants its session of Gemini's Live API.

Sources: Google's "Live API - WebSockets API reference", `BidiGenerateContentSetup` and what it holds; "Gemini 3.8 Live"
for what that model does unless it is told otherwise.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from sandbox.llm.calls import Tools, read_tools
from sandbox.llm.refusal import Refusal
from sandbox.llm.tokens import text_tokens
from sandbox.realtime.ear import SILENCE_MS
from sandbox.realtime.gemini_wire import invalid
from sandbox.realtime.window import Compression

Coverage = Literal[
    "TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT", "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"
]
_UNSPECIFIED = {None, "", "TURN_COVERAGE_UNSPECIFIED"}
_NEWER = ("3.8",)
"""Models whose turns include all video, and whose tools are not waited for, unless the client says otherwise."""


@dataclass(frozen=True)
class Setup:
    """A session as it was asked for."""

    model: str
    instructions: str = ""
    tools: Tools = field(default_factory=Tools)
    patient: frozenset[str] = frozenset()
    """Tools whose results the model does not wait for."""
    manual: bool = False
    """The client says where the user's activity begins and ends."""
    silence_ms: int = SILENCE_MS
    """Silence that ends a turn. The reference names no default: this is the usual one."""
    interrupts: bool = True
    """Activity interrupts an answer."""
    coverage: Coverage = "TURN_INCLUDES_ONLY_ACTIVITY"
    compression: Compression | None = None
    resumes: bool = False
    """Handles are wanted."""
    handle: str = ""
    """Of the conversation to take up."""
    tells_heard: bool = False
    """The words of what was heard are wanted,"""
    tells_said: bool = False
    """and those of what is said."""

    @property
    def fixed_tokens(self) -> int:
        """What is in every request."""
        return text_tokens(self.instructions) + text_tokens(self.tools.definition)

    @property
    def all_video(self) -> bool:
        """Video counts while nobody speaks."""
        return self.coverage != "TURN_INCLUDES_ONLY_ACTIVITY"


def read_setup(data: dict[str, Any]) -> Setup:
    """The setup in the JSON of a first message.

    Raises:
        Ending: It is not as it must be.
    """
    try:
        return _read(data)
    except (KeyError, ValueError, TypeError, AttributeError, Refusal) as error:
        raise invalid() from error


def _read(data: dict[str, Any]) -> Setup:
    model = str(data["model"]).removeprefix("models/")
    behavior = "NON_BLOCKING" if _is_newer(model) else "BLOCKING"
    heard = data.get("realtimeInputConfig") or {}
    detection = heard.get("automaticActivityDetection") or {}
    declared = [function for tool in data.get("tools") or [] for function in tool.get("functionDeclarations") or []]
    tools = [{"type": "function", "function": function} for function in declared]
    resumption = data.get("sessionResumption")
    return Setup(
        model,
        instructions="\n".join(part["text"] for part in (data.get("systemInstruction") or {}).get("parts") or []),
        tools=read_tools({"tools": tools}) if tools else Tools(),
        patient=frozenset(each["name"] for each in declared if each.get("behavior", behavior) == "NON_BLOCKING"),
        manual=bool(detection.get("disabled")),
        silence_ms=int(detection.get("silenceDurationMs") or SILENCE_MS),
        interrupts=heard.get("activityHandling") != "NO_INTERRUPTION",
        coverage=_coverage(heard.get("turnCoverage"), model),
        compression=_compression(data.get("contextWindowCompression")),
        resumes=resumption is not None,
        handle=str((resumption or {}).get("handle") or ""),
        tells_heard=data.get("inputAudioTranscription") is not None,
        tells_said=data.get("outputAudioTranscription") is not None,
    )


def _coverage(wanted: str | None, model: str) -> Coverage:
    if wanted in _UNSPECIFIED:
        return "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO" if _is_newer(model) else "TURN_INCLUDES_ONLY_ACTIVITY"
    if wanted not in get_args(Coverage):
        raise invalid(f"Invalid value at 'setup.realtime_input_config.turn_coverage', \"{wanted}\"")
    return cast("Coverage", wanted)


def _is_newer(model: str) -> bool:
    return any(tag in model for tag in _NEWER)


def _compression(data: dict[str, Any] | None) -> Compression | None:
    if data is None:
        return None
    trigger = int(data.get("triggerTokens") or Compression.trigger)
    return Compression(trigger, int((data.get("slidingWindow") or {}).get("targetTokens") or trigger // 2))
