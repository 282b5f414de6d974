"""The answers of one session of Gemini's Live API: one at a time, each of them until something interrupts it.

Source: Google's "Live API - WebSockets API reference", server messages and `ContextWindowCompressionConfig`.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from sandbox.control.entries import Entry, ToolCall
from sandbox.control.state import State
from sandbox.realtime.answer import Asked
from sandbox.realtime.conversation import Conversation, Item
from sandbox.realtime.gemini_response import Response
from sandbox.realtime.gemini_setup import Setup
from sandbox.realtime.gemini_wire import invalid
from sandbox.realtime.socket import Ending, Send
from sandbox.realtime.window import LIMIT, place_to_cut, tokens_in

BEGIN_S = 0.05
"""Seconds until an answer has begun: a question that comes before them is the same one."""


class Answers:
    """What the model says in a session, and the conversation that it says it in."""

    def __init__(
        self, state: State, entry: Entry, setup: Setup, items: list[Item], *, send: Send, end: Callable[[Ending], None]
    ) -> None:
        """Begin with the items of a conversation that was taken up; `end` is told what ends the session."""
        self._state = state
        self._entry = entry
        self._setup = setup
        self._send = send
        self._end = end
        self._conversation = Conversation()
        self._conversation.items = items
        self._task: asyncio.Task[None] | None = None
        self._begun = False
        self._owed = False
        self._awaited: dict[str, ToolCall] = {}
        self._patient: dict[str, ToolCall] = {}
        self._count()

    def add(self, item: Item) -> None:
        """Put something into the conversation.

        Raises:
            Ending: There is no room for it.
        """
        self._conversation.add(item)
        if self._tokens() > LIMIT:
            self._slide()
        self._count()
        if self._tokens() > LIMIT:
            raise invalid()

    def ask(self, instructions: str = "", after: Iterable[asyncio.Task[None]] = ()) -> None:
        """Answer as soon as nothing else is being answered, and all of `after` is done."""
        if self._busy:
            self._owed = True
        else:
            self._task = asyncio.create_task(self._run(instructions, list(after)))
            self._begun = self._owed = False

    async def interrupt(self, *, to_ask: bool = False) -> None:
        """End the answer that is being given, and the calls that it waits for.

        Args:
            to_ask: Another one is asked for at once: where none has begun, nobody needs to know.
        """
        self._owed = False
        if not self._busy:
            return
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if to_ask and not self._begun:
            return
        if self._awaited:
            await self._send({"toolCallCancellation": {"ids": list(self._awaited)}})
            self._awaited.clear()
        await self._send({"serverContent": {"interrupted": True}})
        await self._send({"serverContent": {"turnComplete": True}})
        self._count()
        await self.offer_handle()

    def called(self, call_id: str) -> tuple[ToolCall, bool] | None:
        """The call of an id, and whether its turn waits for it; None: it was cancelled, or there was none."""
        if call := self._awaited.pop(call_id, None):
            return call, True
        return (call, False) if (call := self._patient.pop(call_id, None)) else None

    async def offer_handle(self) -> None:
        """Tell the client how to take up the conversation as it is now, if it wants to know."""
        if self._setup.resumes:
            handle = self._state.resumable.keep(self._conversation.items)
            await self._send({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})

    async def aclose(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def _busy(self) -> bool:
        return bool(self._awaited) or (self._task is not None and not self._task.done())

    async def _run(self, instructions: str, after: list[asyncio.Task[None]]) -> None:
        with suppress(ConnectionError):  # the client went away, and its socket says so
            await self._give(instructions, after)

    async def _give(self, instructions: str, after: list[asyncio.Task[None]]) -> None:
        try:
            # What was said is understood, even where it is not answered any more.
            received = asyncio.get_running_loop().time()
            await asyncio.gather(asyncio.sleep(BEGIN_S), *(asyncio.shield(task) for task in after))
            self._begun = True
            await self._answer(Asked(instructions, self._setup.tools.allowed, received=received))
            while self._owed and not self._awaited:
                self._owed = False
                received = asyncio.get_running_loop().time()
                await self._answer(Asked("", self._setup.tools.allowed, received=received))
        except Ending as ending:
            self._end(ending)
        finally:
            self._count()

    async def _answer(self, asked: Asked) -> None:
        setup, state = self._setup, self._state
        self._slide()
        entry = state.record.open("llm", model=self._entry.model, vendor="google")
        entry.messages = self._conversation.messages(setup.instructions)
        entry.tools = list(setup.tools.names)
        prompt = tokens_in(self._conversation.items, setup.fixed_tokens)
        entry.prompt_tokens = prompt.total()
        with state.record.keeping(entry):
            await Response(state, entry, self._conversation, self._send, setup, asked, self._expect, prompt).run()
        self._count()
        if not self._awaited:
            await self.offer_handle()

    def _expect(self, call: ToolCall) -> None:
        (self._patient if call.name in self._setup.patient else self._awaited)[call.id] = call

    def _slide(self) -> None:
        if self._setup.compression is not None:
            items, fixed = self._conversation.items, self._setup.fixed_tokens
            self._conversation.keep_from(place_to_cut(items, self._setup.compression, fixed))

    def _tokens(self) -> int:
        return tokens_in(self._conversation.items, self._setup.fixed_tokens).total()

    def _count(self) -> None:
        self._entry.held, self._entry.held_images = len(self._conversation.items), self._conversation.images
