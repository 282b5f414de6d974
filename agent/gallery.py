"""The way of an uploaded picture into the conversation: nobody is cut off for it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from livekit.agents import Agent, AgentSession
from livekit.agents.llm import ChatMessage
from livekit.agents.voice.agent_activity import ActivityClosedError

from agent.uploads.intake import Upload
from agent.uploads.message import upload_message
from config.vision import Detail

_TOGETHER_S = 2.0
"""Seconds for which an answer waits for the next picture of the same sender."""


class Gallery:
    """Puts uploads into the agent's context, and has them answered if their senders ask for it.

    Whoever takes uploads knows `add` alone, so another kind of session can have a gallery of its own.
    """

    def __init__(self, agent: Agent, session: AgentSession[None], *, is_caller: Callable[[str], bool], detail: Detail):
        """`is_caller` tells by a participant's identity whether the model knows them as the user."""
        self._agent = agent
        self._session = session
        self._is_caller = is_caller
        self._detail = detail
        self._opened = asyncio.Event()
        self._unanswered: set[str] = set()
        self._answering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """The session runs: what was uploaded until now may come in."""
        self._opened.set()

    async def add(self, upload: Upload) -> None:
        """Make it a message of its own: the next request carries it, which is made at once if a reply is wanted."""
        await self._opened.wait()
        message = upload_message(
            upload.picture.image,
            upload.key,
            by="the user" if self._is_caller(upload.sender) else "another participant",
            caption=upload.caption,
            at=time.time(),
            detail=self._detail,
        )
        await self.put(message)
        if upload.reply:
            self._unanswered.add(upload.key)
            task = asyncio.create_task(self._answer(upload))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def put(self, message: ChatMessage) -> None:
        """Make it part of the conversation."""
        context = self._agent.chat_ctx.copy()
        context.insert(message)
        await self._agent.update_chat_ctx(context)

    async def free(self) -> None:
        """Wait until nobody speaks or is about to."""
        await self._session.wait_for_idle()

    def reply(self) -> None:
        """Have what was put there answered."""
        self._session.generate_reply()

    def answered(self, keys: Sequence[str]) -> None:
        """A reply was spoken that was made from these uploads."""
        self._unanswered.difference_update(keys)

    async def aclose(self) -> None:
        """Answer nothing any more."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, upload: Upload) -> None:
        if upload.followed_by is not None:  # pictures that are sent in one go get one answer, which sees them all
            with suppress(TimeoutError):
                async with asyncio.timeout(_TOGETHER_S):
                    await upload.followed_by.wait()
        # The model is asked when the floor is free, not before: it should see that moment, and all that was uploaded.
        with suppress(ActivityClosedError, RuntimeError):  # the call ended meanwhile, or was over already
            await self.free()
            if self._unanswered:  # else it was part of what the user asked meanwhile
                self._unanswered.clear()
                self.reply()
