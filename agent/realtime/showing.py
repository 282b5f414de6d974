"""From what each answer of a live model was made: the evidence of its turns."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from livekit.agents import AgentSession, AgentStateChangedEvent, SpeechCreatedEvent
from livekit.agents.llm import ChatMessage

from agent.realtime.video import LiveVideo, aged
from agent.vision.history import is_question
from agent.vision.memory import Shown
from agent.vision.view import Blind, View

_REPLIES_KEPT: Final = 8


@dataclass
class _Reply:
    shown: Shown
    asked: bool
    """Whether it answers something that the user said or wrote."""
    by_model: bool
    """Whether the provider began it, by its own turn detection."""


class Showing:
    """Notes what the model has in view as each answer begins."""

    def __init__(
        self,
        session: AgentSession[None],
        video: LiveVideo,
        uploads: Callable[[], tuple[str, ...]],
        *,
        answers_late: bool = False,
    ):
        """`uploads` gives the keys of the uploads that the model has; for `answers_late` see `Line`."""
        self._session = session
        self._video = video
        self._uploads = uploads
        self._late: _Reply | None = None
        self._replies: OrderedDict[str, _Reply] = OrderedDict()
        self._unasked = False
        session.on("speech_created", self._on_speech)
        if answers_late:
            session.on("agent_state_changed", self._on_agent)

    @contextmanager
    def unasked(self) -> Iterator[None]:
        """What is generated inside answers nothing that the user said."""
        self._unasked = True
        try:
            yield
        finally:
            self._unasked = False

    @property
    def sent_images(self) -> int:
        """Pictures of the live video so far."""
        return self._video.sent_images

    @property
    def sent_bytes(self) -> int:
        """Their bytes, as they were sent."""
        return self._video.sent_bytes

    def shown_for(self, reply: str) -> Shown | None:
        """What a reply was made from, with the question that it answers as far as it has been understood by now."""
        noted = self._replies.get(reply)
        if noted is None:
            return None
        question = self._question(reply, noted)
        return noted.shown if question is None else replace(noted.shown, question=question.id)

    def forget(self, reply: str) -> None:
        """The reply is over: only when it was asked for still tells its neighbours apart."""
        if reply in self._replies:
            over = self._replies[reply]
            over.shown = Shown(Blind("late"), 0, None, asked_at=over.shown.asked_at)

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        if event.source != "generate_reply":
            return
        self._late = reply = _Reply(self._shown(), not self._unasked, not event.user_initiated)
        self._replies[event.speech_handle.id] = reply
        while len(self._replies) > _REPLIES_KEPT:
            self._replies.popitem(last=False)

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        """The answer that the provider began is heard: it told of it when it began to understand the question."""
        if event.new_state == "speaking" and self._late is not None and self._late.by_model:
            self._late.shown = self._shown()
            self._late = None

    def _shown(self) -> Shown:
        look = aged(self._video.look, now := time.time())
        uploads = self._uploads()
        pictures = len(look.shots) if isinstance(look, View) else 0
        return Shown(look, pictures + len(uploads), None, unsent=self._video.unsent, uploads=uploads, asked_at=now)

    def _question(self, reply: str, noted: _Reply) -> ChatMessage | None:
        """The newest of what was said between the reply before and this one, or the one after.

        What the user says is understood late, but carries the time at which they began; what they write, or say while a
        button is pressed, comes right after its answer was asked for.
        """
        if not noted.asked:
            return None
        ids = list(self._replies)
        place = ids.index(reply)
        begin = self._replies[ids[place - 1]].shown.asked_at if place else 0.0
        end = noted.shown.asked_at
        if not noted.by_model:
            end = self._replies[ids[place + 1]].shown.asked_at if place + 1 < len(ids) else float("inf")
        said = [item for item in self._session.history.items if is_question(item) and begin < item.created_at < end]
        return said[-1] if said else None
