"""What is remembered of one provider request: the shape that the server answers and the client reads."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Provider = Literal["llm", "stt", "tts", "realtime"]
PROVIDERS: tuple[Provider, ...] = ("llm", "stt", "tts", "realtime")

Vendor = Literal["", "deepgram", "openai", "cartesia", "google"]
VENDORS: tuple[Vendor, ...] = ("", "deepgram", "openai", "cartesia", "google")
"""Whose protocol was spoken; empty for any."""

Status = Literal["open", "ok", "error", "cancelled"]
"""`cancelled`: the client went away before the end."""


@dataclass
class SeenImage:
    """One image in a model request, found to be whole."""

    sha256: str
    bytes: int
    """Size of the encoded image."""
    width: int
    """Pixels."""
    height: int
    mime: str
    """As the request said."""
    detail: str
    """`low`, `high` or `auto`; empty when the request did not say."""


@dataclass
class ToolCall:
    """A function tool that the model asks for."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    """What is no JSON object is kept as `{"unreadable": text}`."""
    id: str = ""
    """What the tool's result refers to."""


@dataclass
class SeenMessage:
    """One message in a model request."""

    role: str
    text: str
    images: list[SeenImage] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    """Images that were given by `https` address, as they were given; nothing here fetches them."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    """What an assistant's message asked for."""
    tool_call_id: str = ""
    """The call that a tool's message answers."""
    sha256: str = ""
    """Of the whole message as JSON, image data and key order included: equal means sent unchanged."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The message in a JSON object.

        Raises:
            TypeError: The object has other keys.
        """
        images = [SeenImage(**image) for image in data["images"]]
        calls = [ToolCall(**call) for call in data["tool_calls"]]
        return cls(**{**data, "images": images, "tool_calls": calls})


@dataclass
class Interim:
    """One transcript that was not final yet."""

    at: float
    """Unix seconds when it was sent."""
    text: str


@dataclass
class Utterance:
    """One stretch of speech in a stream. Times are unix seconds, taken when that sound arrived."""

    speech_started: float
    speech_ended: float | None = None
    """When the last voiced sound arrived, before the silence that proved the end."""
    final: float | None = None
    """When the final transcript was sent."""
    text: str = ""
    source: Literal["heard", "script", "unscripted"] = "heard"
    interims: list[Interim] = field(default_factory=list)


@dataclass
class Frame:
    """A picture that came into a live conversation."""

    at: float
    """Unix seconds when it came."""
    item: str
    """The item that it is part of; empty: it was dropped, because nobody spoke."""
    image: SeenImage
    streamed: bool = False
    """It came as video, not in a message."""


@dataclass
class Deletion:
    """An item that the client had taken out of a live conversation."""

    at: float
    """Unix seconds."""
    item: str


@dataclass
class Entry:
    """One request to a provider.

    A completion or one answer of a live conversation (llm), a listening stream or a file (stt), a spoken context (tts),
    a live conversation (realtime).
    """

    id: int
    provider: Provider
    started: float
    """Unix seconds, like every other time here."""
    vendor: Vendor = ""
    first_byte: float | None = None
    """First token (llm), first transcript (stt), first sound (tts)."""
    finished: float | None = None
    status: Status = "open"
    error: str | None = None
    model: str = ""
    request_bytes: int = 0
    """Body of a completion, sound received by a stream, text received by a context."""
    fault: str | None = None
    """The kind of the fault it was ordered to meet."""
    messages: list[SeenMessage] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    """llm: the names of the function tools that the request offered."""
    reply: str = ""
    """llm: what was sent so far."""
    tool_call: ToolCall | None = None
    """llm: what it asked for instead of a reply."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    utterances: list[Utterance] = field(default_factory=list)
    text: str = ""
    """tts: what was to be spoken."""
    audio_ms: float = 0.0
    """tts: sound sent so far."""
    frames: list[Frame] = field(default_factory=list)
    """realtime: the pictures that came."""
    deletions: list[Deletion] = field(default_factory=list)
    """realtime: the items that the client deleted."""
    held: int = 0
    """realtime: items in the conversation now."""
    held_images: int = 0
    """realtime: pictures in the conversation now."""
    config: dict[str, Any] = field(default_factory=dict)
    """realtime: the session as the client has set it up so far."""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The entry in a JSON object that `to_json` made.

        Raises:
            TypeError: The object has other keys.
        """
        messages = [SeenMessage.from_json(message) for message in data["messages"]]
        call = data["tool_call"] and ToolCall(**data["tool_call"])
        utterances = [
            Utterance(**{**u, "interims": [Interim(**interim) for interim in u["interims"]]})
            for u in data["utterances"]
        ]
        frames = [Frame(**{**frame, "image": SeenImage(**frame["image"])}) for frame in data["frames"]]
        return cls(
            **{
                **data,
                "messages": messages,
                "tool_call": call,
                "utterances": utterances,
                "frames": frames,
                "deletions": [Deletion(**deletion) for deletion in data["deletions"]],
            }
        )
