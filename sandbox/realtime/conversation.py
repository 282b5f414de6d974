"""A conversation as a provider keeps it: items in order, which stay until they are deleted."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

from sandbox.control.entries import SeenImage, SeenMessage, ToolCall
from sandbox.control.script import spoken_part

Kind = Literal["message", "function_call", "function_call_output"]


@dataclass
class Item:
    """One item."""

    id: str
    kind: Kind
    role: str = ""
    text: str = ""
    """What was written, or heard: a spoken turn has its words once they are understood."""
    spoken: bool = False
    audio_s: float = 0.0
    """Seconds of sound that it stands for."""
    images: list[SeenImage] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    """The same as the client sent them."""
    call: ToolCall | None = None
    """Of a function call; of an output, the id of the call that it answers."""


class UnknownItemError(KeyError):
    """No item has that id."""


class Conversation:
    """Items in their order."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def add(self, item: Item, after: str | None = None) -> str | None:
        """Put an item behind another, `root` for the beginning, or at the end; the id of the one before it.

        Raises:
            UnknownItemError: There is no such item to put it behind.
            ValueError: Its id is taken.
        """
        if any(other.id == item.id for other in self.items):
            raise ValueError(item.id)
        place = len(self.items) if after is None else 0 if after == "root" else self._place(after) + 1
        self.items.insert(place, item)
        return self.items[place - 1].id if place else None

    def keep_from(self, place: int) -> None:
        """Take out all before a place."""
        del self.items[:place]

    def delete(self, item_id: str) -> None:
        """Take an item out.

        Raises:
            UnknownItemError: There is none.
        """
        del self.items[self._place(item_id)]

    def get(self, item_id: str) -> Item:
        """The item of an id.

        Raises:
            UnknownItemError: There is none.
        """
        return self.items[self._place(item_id)]

    @property
    def images(self) -> int:
        """Pictures in all items."""
        return sum(len(item.images) for item in self.items)

    def messages(self, instructions: str = "") -> list[SeenMessage]:
        """What a model is given to answer from."""
        system = [SeenMessage("system", instructions)] if instructions else []
        return system + [_message(item) for item in self.items]

    def _place(self, item_id: str) -> int:
        for place, item in enumerate(self.items):
            if item.id == item_id:
                return place
        raise UnknownItemError(item_id)


def as_asked(messages: list[SeenMessage]) -> list[SeenMessage]:
    """The same with what was seen last joined to the question: live pictures come before, during and after its words.

    The newest picture counts, or the newest line in brackets if that is newer: it says why there is none.
    """
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    asking = next((place for place in reversed(users) if spoken_part(messages[place].text)), None)
    live = [m for m in (messages[place] for place in users) if not spoken_part(m.text) and "upload" not in m.text]
    if asking is None or not live:
        return messages
    kept = [m for place, m in enumerate(messages) if place == asking or m not in live]
    question, newest = messages[asking], live[-1]
    lines = "" if newest.images else f"\n{newest.text}"
    joined = replace(question, text=question.text + lines, images=[*question.images, *newest.images])
    return [joined if message is question else message for message in kept]


def _message(item: Item) -> SeenMessage:
    if item.kind == "function_call_output":
        message = SeenMessage("tool", item.text, tool_call_id=item.call.id if item.call else "")
    elif item.kind == "function_call":
        message = SeenMessage("assistant", "", tool_calls=[item.call] if item.call else [])
    else:
        message = SeenMessage(item.role, item.text, list(item.images))
    message.sha256 = hashlib.sha256(repr(message).encode()).hexdigest()
    return message
