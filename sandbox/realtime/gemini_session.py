"""One session of Gemini's Live API, from its setup to its end.

Source: Google's "Live API - WebSockets API reference" and "Session management with Live API".
"""

import asyncio
from typing import Any

from sandbox.control.entries import Entry
from sandbox.control.state import State
from sandbox.realtime.conversation import Item
from sandbox.realtime.gemini_answers import Answers
from sandbox.realtime.gemini_setup import read_setup
from sandbox.realtime.gemini_talk import Talk
from sandbox.realtime.gemini_wire import invalid, message_of, not_found, outstayed
from sandbox.realtime.socket import Ending, Send, take_go_away


class Session:
    """A client's session. Everything it starts ends with `aclose`.

    Attributes:
        entry: Its record.
        ended: Set when the provider ends it, as ordered.
    """

    def __init__(self, state: State, entry: Entry, send: Send) -> None:
        """`send` takes each message for the client."""
        self.entry = entry
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._state = state
        self._send = send
        self._talk: Talk | None = None
        self._left: float | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def take(self, data: str | bytes) -> None:
        """Do what a message of the client asks for.

        Raises:
            Ending: It can't be done.
        """
        name, body = message_of(data)
        try:
            if self._talk is None:
                if name != "setup":
                    raise invalid()
                await self._begin(body)
            elif name == "clientContent":
                await self._talk.add_content(body)
            elif name == "realtimeInput":
                await self._talk.sense(body)
            elif name == "toolResponse":
                await self._talk.add_results(body)
            else:
                raise invalid()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise invalid() from error

    def go_away(self, seconds: float) -> None:
        """Tell the client that it has so many seconds left, as soon as there is a session."""
        self._left = seconds
        if self._talk is not None and self._leaving is None:
            self._leaving = asyncio.create_task(self._dismiss(seconds))

    async def aclose(self) -> None:
        """End what is under way."""
        if self._leaving is not None:
            self._leaving.cancel()
            await asyncio.gather(self._leaving, return_exceptions=True)
        if self._talk is not None:
            await self._talk.aclose()

    async def _begin(self, body: dict[str, Any]) -> None:
        setup = read_setup(body)
        self.entry.config, self.entry.model = body, setup.model
        items = self._take_up(setup.handle) if setup.handle else []
        answers = Answers(self._state, self.entry, setup, items, send=self._send, end=self._end)
        await self._send({"setupComplete": {}})
        await answers.offer_handle()
        self._talk = Talk(self._state, self.entry, setup, answers, self._send)
        left = self._left if self._left is not None else take_go_away(self._state, self.entry)
        if left is not None:
            self.go_away(left)

    def _take_up(self, handle: str) -> list[Item]:
        try:
            return self._state.resumable.take_up(handle)
        except KeyError as error:
            raise not_found() from error

    async def _dismiss(self, seconds: float) -> None:
        await self._send({"goAway": {"timeLeft": f"{seconds:g}s"}})
        await asyncio.sleep(seconds)
        self._end(outstayed())

    def _end(self, ending: Ending) -> None:
        if not self.ended.done():
            self.ended.set_result(ending)
