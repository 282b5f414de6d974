"""What the caller's page is sent of each turn."""

import asyncio
import json
import time
from typing import Any, cast

import pytest
from livekit import rtc
from structlog.testing import capture_logs

from agent.sharing import MAX_WAITING, SNAPSHOT_TOPIC, TURN_TOPIC, Sharing
from agent.vision.memory import Shown
from agent.vision.view import Blind, View
from tests.fakes import view


class Page:
    """A room and its local participant as sharing uses them, whose caller keeps what arrives complete.

    `stalled` holds the next writes back until it is cleared; `broken` lets everything fail that is sent.
    """

    def __init__(self) -> None:
        self.local_participant = self
        self.arrived: list[dict[str, Any]] = []
        self.chunks: list[int] = []
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.broken: Exception | None = None

    async def stream_bytes(self, name: str, **options: Any) -> "Stream":
        """As `rtc.LocalParticipant`."""
        await self._sent()
        return Stream(self, {"name": name, **options})

    async def send_text(self, text: str, **options: Any) -> None:
        """As `rtc.LocalParticipant`."""
        await self._sent()
        self.arrived.append({"event": json.loads(text), **options})

    async def _sent(self) -> None:
        await asyncio.sleep(0)  # whatever is sent takes its time
        await self.flowing.wait()
        if self.broken is not None:
            raise self.broken

    def told(self) -> list[object]:
        """Each event's turn, and each picture's bytes, in their order."""
        return [one["event"]["turn"] if "event" in one else one["data"] for one in self.arrived]


class Stream:
    """A byte stream that is being written; it arrives when it is closed."""

    def __init__(self, page: Page, options: dict[str, Any]):
        self._page = page
        self._options = options
        self._data = b""

    async def write(self, data: bytes) -> None:
        """Take one chunk."""
        await self._page._sent()
        self._page.chunks.append(len(data))
        self._data += data

    async def aclose(self) -> None:
        """All of it is there."""
        assert len(self._data) == self._options["total_size"]
        self._page.arrived.append({**self._options, "data": self._data})


def sharing(page: Page, caller: str | None = "caller") -> Sharing:
    """Sharing with this caller."""
    return Sharing(cast("rtc.Room", page), lambda: caller)


async def sent(shared: Sharing) -> None:
    """Wait until everything that is being sent has arrived or failed."""
    async with asyncio.timeout(10):
        while shared._sending:
            await asyncio.gather(*shared._sending)


def shown(text: str, **options: Any) -> Shown:
    """A reply that was shown this picture."""
    return Shown(view(text, **options), images=1, question="a")


async def test_picture_comes_before_the_event_that_speaks_of_it() -> None:
    """When the page learns of the turn it has everything to show."""
    page, look = Page(), view("a picture")
    shared = sharing(page)
    shared.turn({"turn": 7, "kind": "spoken"}, Shown(look, images=1, question="a"))
    await sent(shared)
    picture, event = page.arrived
    assert picture == {
        "name": "turn-7.jpeg",
        "data": b"a picture",
        "total_size": 9,
        "mime_type": "image/jpeg",
        "attributes": {"turn": "7", "source": "camera", "age_ms": "12", "sha256": look.shots[0].image.sha256},
        "topic": SNAPSHOT_TOPIC,
        "destination_identities": ["caller"],
    }
    assert event.pop("attributes").keys() == {"ended_at"}
    assert event == {
        "event": {"turn": 7, "kind": "spoken"},
        "topic": TURN_TOPIC,
        "destination_identities": ["caller"],
    }


async def test_everything_goes_to_the_caller_alone() -> None:
    """Who else is in the room is not shown the caller's screen."""
    page = Page()
    shared = sharing(page, "caller-1")
    shared.turn({"turn": 1}, Shown(View((*view("a").shots, *view("b").shots)), 2, "a"))
    await sent(shared)
    assert [one["destination_identities"] for one in page.arrived] == [["caller-1"]] * 3


async def test_nothing_is_sent_before_a_caller_is_known() -> None:
    """Without an identity it would go to everybody."""
    page = Page()
    shared = sharing(page, None)
    shared.turn({"turn": 1}, shown("a picture"))
    await sent(shared)
    assert page.arrived == []
    assert not shared._sending


async def test_every_picture_of_the_turn_is_sent() -> None:
    """Screen and camera, and what tools brought to light, which says what part it is."""
    page = Page()
    both = View((*view("screen", "screen").shots, *view("camera").shots))
    looks = view("closer", part="top left").shots
    shared = sharing(page)
    shared.turn({"turn": 1}, Shown(both, images=3, question="a", looks=looks))
    await sent(shared)
    assert page.told() == [b"screen", b"camera", b"closer", 1]
    attributes = [one["attributes"] for one in page.arrived[:-1]]
    assert [one["source"] for one in attributes] == ["screen", "camera", "camera"]
    assert [one.get("part") for one in attributes] == [None, None, "top left"]


@pytest.mark.parametrize("known", [None, Shown(Blind("muted", "camera"), images=0, question="a")])
async def test_blind_turn_is_an_event_alone(known: Shown | None) -> None:
    """So is one of which nothing is known any more."""
    page = Page()
    shared = sharing(page)
    shared.turn({"turn": 1, "blind_reason": "muted"}, known)
    await sent(shared)
    assert [one["event"] for one in page.arrived] == [{"turn": 1, "blind_reason": "muted"}]


async def test_turns_arrive_in_their_order() -> None:
    """Also when the first one's picture is large and the others have none."""
    page = Page()
    shared = sharing(page)
    page.flowing.clear()
    shared.turn({"turn": 1}, shown("one", size=100_000))
    shared.turn({"turn": 2}, None)
    shared.turn({"turn": 3}, shown("three"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert page.arrived == []
    page.flowing.set()
    await sent(shared)
    assert page.told() == [b"one".ljust(100_000, b"."), 1, 2, b"three", 3]


async def test_large_picture_is_sent_in_pieces() -> None:
    """Each as large as one packet may be, the last one with the rest."""
    page = Page()
    shared = sharing(page)
    shared.turn({"turn": 1}, shown("one", size=32_000))
    await sent(shared)
    assert page.chunks == [15_000, 15_000, 2000]


async def test_room_that_fails_disturbs_nobody() -> None:
    """The caller may be just leaving: it is logged, the turns after it are sent, and nothing of it is repeated."""
    page = Page()
    shared = sharing(page)
    page.broken = RuntimeError("engine is closed")
    with capture_logs() as logs:
        shared.turn({"turn": 1}, shown("one"))
        await sent(shared)
        shared.turn({"turn": 2}, None)
        await sent(shared)
    assert [(entry["event"], entry["log_level"], entry["turn"]) for entry in logs] == [
        ("turn_not_shared", "warning", 1),
        ("turn_not_shared", "warning", 1),
        ("turn_not_shared", "warning", 2),
    ]
    assert page.arrived == []
    page.broken = None
    shared.turn({"turn": 3}, shown("three"))
    await sent(shared)
    assert page.told() == [b"three", 3]


async def test_connection_that_breaks_in_the_middle_of_a_picture_is_survived() -> None:
    """Nothing arrives of that turn, and nothing is raised."""
    page = Page()
    shared = sharing(page)
    shared.turn({"turn": 1}, shown("one", size=40_000))
    page.flowing.clear()
    for _ in range(5):
        await asyncio.sleep(0)
    page.broken = ConnectionError()
    page.flowing.set()
    with capture_logs():
        await sent(shared)
    assert page.arrived == []


async def test_end_of_the_call_gives_up_what_is_not_sent() -> None:
    """A room that does not take anything any more must not hold up the goodbye."""
    page = Page()
    shared = sharing(page)
    page.flowing.clear()
    for turn in range(3):
        shared.turn({"turn": turn}, shown("one"))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await shared.aclose()
    assert page.arrived == []
    assert not shared._sending
    await shared.aclose()


async def test_turns_that_can_not_be_sent_in_time_are_not_hoarded() -> None:
    """A page on a slow network misses the newest, and what is under way still arrives."""
    page = Page()
    shared = sharing(page)
    page.flowing.clear()
    with capture_logs() as logs:
        for turn in range(MAX_WAITING + 2):
            shared.turn({"turn": turn}, shown("one"))
    assert [entry["turn"] for entry in logs] == [MAX_WAITING, MAX_WAITING + 1]
    page.flowing.set()
    await sent(shared)
    assert [told for told in page.told() if isinstance(told, int)] == list(range(MAX_WAITING))


async def test_event_tells_when_its_answer_ended_not_when_its_pictures_were_through() -> None:
    """A page tells the answer by it from whatever is said while the pictures are on their way."""
    page = Page()
    page.flowing.clear()
    shared = sharing(page)
    before = time.time()
    shared.turn({"turn": 1}, shown("a"))
    after = time.time()
    await asyncio.sleep(0.05)
    page.flowing.set()
    await sent(shared)
    ended_at = int(page.arrived[-1]["attributes"]["ended_at"]) / 1000
    assert before - 0.001 <= ended_at <= after + 0.001
