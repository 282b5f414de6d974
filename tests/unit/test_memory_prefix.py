"""What was said stays as it was sent: prompt caches hold only over a beginning that does not change."""

import json
import random
from collections.abc import Awaitable, Callable

import pytest
from livekit.agents.llm import ChatContext, ChatItem, ChatMessage, ImageContent

from agent.vision.view import Blind
from tests.fakes import view
from tests.talk import Talk, said

PICTURE = "<picture>"
"""Stands for a picture with its label, and for the line that it leaves: expiring is a change of its own."""


class Scribe(Talk):
    """A conversation that writes down each request, and how much of it came before what it answers."""

    def __init__(self, **options: int):
        super().__init__(**options)
        self.sent: list[list[str]] = []
        self.settled: list[list[str]] = []
        self.before_last: list[list[str]] = []
        self.steps = 0

    async def request(self, *more: ChatItem, again: str = "") -> ChatContext:
        sent = await super().request(*more, again=again)
        users = [item for item in sent.items if isinstance(item, ChatMessage) and item.role == "user"]
        question = self.shown(again or self.reply).question
        known = {item.id for item in [*self.history.items, *more]}
        answered = next((item for item in users if item.id == question or item.id not in known), None)
        self.sent.append(written(sent.items))
        self.settled.append(written(before(sent.items, answered)))
        kept = [item for item in before(sent.items, users[-1] if users else None) if item.id in known]
        self.before_last.append(written(kept, reasons=False))
        return sent

    async def spoken(self) -> None:
        """A turn, with speculations that are adopted, are discarded, or never were."""
        self.steps += 1
        for number in range(self.steps % 3):
            await self.request(said(f"Turn {self.steps}, attempt {number}"))
        await (self.adopted_turn if self.steps % 2 else self.turn)(f"Turn {self.steps}")

    async def generated(self) -> None:
        """A reply on request."""
        await self.request()
        self.answer("By the way.")

    async def uploaded(self) -> None:
        """A picture, which nobody answers yet."""
        self.steps += 1
        self.upload(f"cat {self.steps}")

    async def with_tools(self) -> None:
        """A turn whose reply calls tools, the last of which brings pictures to light."""
        self.steps += 1
        question = said(f"Turn {self.steps}")
        await self.request(question)
        self.history.items.append(question)
        await self._tools()

    async def generated_with_tools(self) -> None:
        """A reply on request that does so."""
        await self.request()
        await self._tools()

    async def blind(self) -> None:
        """From now on there is nothing to see."""
        self.sight.blind(Blind("muted", "camera"))

    async def one(self) -> None:
        """From now on the camera is seen."""
        self.sight.show()

    async def half(self) -> None:
        """From now on the screen is seen, and the camera that is shared as well is not."""
        self.sight.show("screen", missing=(Blind("stale", "camera"),))

    async def both(self) -> None:
        """From now on two pictures are seen."""
        self.sight.show("screen", "camera")

    async def off(self) -> None:
        """From now on there is no sight at all."""
        self.sight.blind(Blind("off"))

    async def _tools(self) -> None:
        for name in ("a", "b"):
            self.history.items.extend(self.tool(f"{name} {self.replies}"))
            if name == "b":
                self.memory.also_show(self.reply, view(f"look {self.replies}", part="top").shots)
            await self.request(again=self.reply)
        self.answer()


def before(items: list[ChatItem], item: ChatItem | None) -> list[ChatItem]:
    """The items before that one; all of them if there is none."""
    return items if item is None else items[: items.index(item)]


def written(items: list[ChatItem], *, reasons: bool = True) -> list[str]:
    """Each item as JSON; without the `reasons` why there is no picture, which are true for one reply alone."""
    return [json.dumps(_plain(item, reasons=reasons)) for item in items]


def _plain(item: ChatItem, *, reasons: bool) -> list[object]:
    if item.type == "function_call":
        return [item.type, item.call_id, item.name, item.arguments]
    if item.type == "function_call_output":
        return [item.type, item.call_id, item.name, item.output, item.is_error]
    assert isinstance(item, ChatMessage)
    content: list[str] = []
    for one in item.content:
        if isinstance(one, ImageContent):
            if content and content[-1].startswith("[The user's ") and content[-1].endswith(":]"):
                content.pop()
            content.append(PICTURE)
        elif isinstance(one, str) and one.endswith(", no longer shown]"):
            content.append(PICTURE)
        elif isinstance(one, str) and (reasons or not one.startswith("[No picture")):
            content.append(one)
    return [item.role, *content]


STEPS: tuple[Callable[[Scribe], Awaitable[None]], ...] = (
    Scribe.spoken,
    Scribe.spoken,
    Scribe.generated,
    Scribe.uploaded,
    Scribe.with_tools,
    Scribe.generated_with_tools,
    Scribe.blind,
    Scribe.one,
    Scribe.half,
    Scribe.both,
    Scribe.off,
)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("max_views", [1, 3])
async def test_what_precedes_the_present_turn_begins_the_next_request(max_views: int, seed: int) -> None:
    """Whatever was said, seen, uploaded and looked up: apart from pictures that expire, nothing is ever rewritten."""
    talk = Scribe(max_views=max_views, max_uploads=2, max_turns=10_000)
    generator = random.Random(seed)
    for _ in range(60):
        await generator.choice(STEPS)(talk)
    assert len(talk.sent) > 40
    for settled, following in zip(talk.settled, talk.sent[1:], strict=False):
        assert following[: len(settled)] == settled


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("max_views", [1, 3])
async def test_what_precedes_the_last_message_begins_the_next_request(max_views: int, seed: int) -> None:
    """With the question, its tool calls and their results; what rides in messages of the request alone comes after."""
    talk = Scribe(max_views=max_views, max_uploads=2, max_turns=10_000)
    generator = random.Random(seed)
    for _ in range(60):
        await generator.choice(STEPS)(talk)
    end = written((await talk.turn("The end")).items, reasons=False)
    for earlier in talk.before_last:
        assert end[: len(earlier)] == earlier


@pytest.mark.parametrize("max_views", [1, 3])
async def test_each_picture_expires_once_and_for_good(max_views: int) -> None:
    """Seen from the end of the conversation: as a picture first, as its line then, and never otherwise."""
    talk = Scribe(max_views=max_views, max_uploads=1, max_turns=10_000)
    generator = random.Random(1)
    seen: dict[str, list[str]] = {}
    for _ in range(80):
        await generator.choice(STEPS)(talk)
        for message in talk.history.messages():
            state = json.dumps([one if isinstance(one, str) else PICTURE for one in message.content])
            states = seen.setdefault(message.id, [state])
            if states[-1] != state:
                states.append(state)
    assert {len(states) for states in seen.values()} == {1, 2}
    for states in seen.values():
        assert PICTURE not in states[-1] or len(states) == 1
        assert len(states) == 1 or PICTURE in states[0]
