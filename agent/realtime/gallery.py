"""The way of an uploaded picture to a live model: a message of its own, as long as there is room for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import ChatMessage

from agent.floor import Floor
from agent.gallery import Gallery
from agent.realtime.line import Line
from agent.uploads.intake import Upload
from agent.vision.history import UPLOAD
from config.vision import Detail

log = structlog.stdlib.get_logger(__name__)


class LiveGallery(Gallery):
    """Puts uploads on the line. The model keeps the newest; an older one leaves with its message."""

    def __init__(
        self,
        agent: Agent,
        session: AgentSession[None],
        line: Line,
        *,
        is_caller: Callable[[str], bool],
        detail: Detail,
        max_uploads: int,
        floor: Floor,
        answer: Callable[[], None],
    ):
        """`answer` has the model speak of what it was sent."""
        super().__init__(agent, session, is_caller=is_caller, detail=detail)
        self._line = line
        self._max_uploads = max_uploads
        self._floor = floor
        self._have_answered = answer
        self._held: OrderedDict[str, str] = OrderedDict()
        self._order = asyncio.Lock()
        self._adding: set[asyncio.Task[None]] = set()

    @property
    def held(self) -> tuple[str, ...]:
        """The keys of the uploads that the model has, oldest first."""
        return tuple(self._held)

    async def add(self, upload: Upload) -> None:
        """Take it; the line may have to wait for a moment that cuts nobody off, and its sender should not."""
        task = asyncio.create_task(self._add(upload))
        self._adding.add(task)
        task.add_done_callback(self._adding.discard)

    async def aclose(self) -> None:
        """Send and answer nothing any more."""
        for task in self._adding:
            task.cancel()
        await asyncio.gather(*self._adding, return_exceptions=True)
        await super().aclose()

    async def put(self, message: ChatMessage) -> None:
        """Send it; the framework would drop its picture."""
        self._held[str(message.extra[UPLOAD])] = await self._line.show(message)
        while len(self._held) > self._max_uploads:
            self._line.take_out(self._held.popitem(last=False)[1])

    async def free(self) -> None:
        """Wait for the floor as it is: the framework takes a question for over before the provider answers it."""
        while True:
            await super().free()
            if not self._floor.listening():
                return
            await self._floor.quiet()

    def reply(self) -> None:
        """Have what was put there answered."""
        self._have_answered()

    async def _add(self, upload: Upload) -> None:
        try:
            async with self._order:  # first come, first shown
                await super().add(upload)
        except Exception:
            log.exception("upload_not_shown")
