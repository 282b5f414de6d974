"""The items of a session of OpenAI's Realtime API: what the client adds, deletes and cuts, and is told of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from sandbox.control.entries import Deletion, Entry, Frame
from sandbox.control.state import State
from sandbox.llm.refusal import Refusal
from sandbox.realtime.conversation import Conversation, Item, UnknownItemError
from sandbox.realtime.openai_items import read_item, write_item
from sandbox.realtime.socket import Send


class Items:
    """Keeps a session's conversation, and its record in step.

    Attributes:
        conversation: The items in their order.
    """

    def __init__(self, state: State, entry: Entry, *, send: Send, name: Callable[[str], str]) -> None:
        """`send` takes each event for the client; `name` gives ids."""
        self.conversation = Conversation()
        self._state = state
        self._entry = entry
        self._send = send
        self._name = name

    def count(self) -> None:
        """Note how much is held."""
        self._entry.held, self._entry.held_images = len(self.conversation.items), self.conversation.images

    async def create(self, event: dict[str, Any]) -> None:
        """Add what the client wants to add."""
        name = self._name("item")
        item, pictures = await asyncio.to_thread(read_item, event["item"], name, self._state.pictures)
        try:
            before = self.conversation.add(item, event.get("previous_item_id"))
        except UnknownItemError as error:
            raise Refusal(400, f"No item {error} to insert after.", param="previous_item_id") from error
        except ValueError as error:
            code = "item_create_duplicate_item_id"
            raise Refusal(400, f"An item with id {error} exists.", code=code) from error
        for picture in pictures:
            self._state.record.keep_image(picture.seen.sha256, picture.data, picture.seen.mime)
            self._entry.frames.append(Frame(self._state.record.now(), item.id, picture.seen))
        await self.added(item, before)

    async def added(self, item: Item, before: str | None) -> None:
        """Tell the client of an item that is there now."""
        self.count()
        await self._send({"type": "conversation.item.added", "previous_item_id": before, "item": write_item(item)})

    async def delete(self, event: dict[str, Any]) -> None:
        """Take an item out."""
        item_id = str(event["item_id"])
        self._find(item_id)
        self.conversation.delete(item_id)
        self._entry.deletions.append(Deletion(self._state.record.now(), item_id))
        self.count()
        await self._send({"type": "conversation.item.deleted", "item_id": item_id})

    async def truncate(self, event: dict[str, Any]) -> None:
        """Take it that the caller heard no more than a part of an item."""
        self._find(event["item_id"])
        named = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        await self._send({"type": "conversation.item.truncated", **named})

    def _find(self, item_id: str) -> Item:
        try:
            return self.conversation.get(item_id)
        except UnknownItemError as error:
            raise Refusal(400, f"No item {item_id!r}.", code="item_not_found", param="item_id") from error
