"""How a call's sight is tied to its room and to its session."""

import time
from dataclasses import replace
from typing import Literal, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, UserStateChangedEvent

from agent.onlooker import Onlooker
from agent.vision.attention import Adaptive, Attention, matters
from agent.vision.sight import LiveSight, NoSight
from agent.vision.view import Blind
from config.vision import VisionSettings

AgentState = Literal["initializing", "idle", "listening", "thinking", "speaking"]


class Room(rtc.EventEmitter[str]):
    """A room as an onlooker uses it; it keeps what attributes it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.local_participant = self
        self.attributes: dict[str, str] = {}

    def isconnected(self) -> bool:
        """Never: the feed's own messages are tested with it."""
        return False

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        """Keep them."""
        self.attributes.update(attributes)


class Scene:
    """A call that nobody speaks in: its session's events are ours to raise."""

    def __init__(self, settings: VisionSettings):
        self.room = Room()
        self.session: AgentSession[None] = AgentSession()
        self.asked = 0
        self.onlooker = Onlooker(cast("rtc.Room", self.room), self.session, settings, self._linked)

    def _linked(self) -> rtc.RemoteParticipant | None:
        self.asked += 1
        return None

    def agent(self, state: AgentState) -> None:
        """The session says so."""
        self.session.emit("agent_state_changed", AgentStateChangedEvent(old_state="idle", new_state=state))

    def user(self, state: Literal["speaking", "listening", "away"]) -> None:
        """The session says so."""
        self.session.emit("user_state_changed", UserStateChangedEvent(old_state="away", new_state=state))

    def matters(self) -> bool:
        """Whether the caller's video matters in the middle of it, for whoever speaks now."""
        attention = self.onlooker.attention
        assert isinstance(attention, Adaptive)
        floor = attention._floor
        now = time.monotonic() + 60
        return matters(replace(floor, seen_at=now, agent_sound_s=1e9), now, look_s=0.4, refresh_s=30)


async def test_attention_follows_who_speaks() -> None:
    """The session's two states are what it goes by."""
    scene = Scene(VisionSettings(attention="adaptive"))
    scene.onlooker.register()
    seen = [scene.matters()]
    scene.agent("listening")
    seen.append(scene.matters())
    scene.user("speaking")
    seen.append(scene.matters())
    scene.user("listening")
    seen.append(scene.matters())
    scene.agent("thinking")
    seen.append(scene.matters())
    scene.agent("speaking")
    seen.append(scene.matters())
    scene.user("away")
    seen.append(scene.matters())
    assert seen == [True, False, True, False, True, False, False]
    await scene.onlooker.aclose()


async def test_feed_looks_again_whenever_the_floor_changes() -> None:
    """At once, not with the next tick: the first frame of a return takes its time."""
    scene = Scene(VisionSettings(attention="adaptive"))
    scene.onlooker.register()
    before = scene.asked
    scene.user("speaking")
    scene.agent("thinking")
    scene.onlooker.refresh()
    assert scene.asked == before + 3
    await scene.onlooker.aclose()


async def test_nothing_is_followed_any_more_after_the_call() -> None:
    """Neither session nor room holds on to it."""
    scene = Scene(VisionSettings(attention="adaptive"))
    scene.onlooker.register()
    await scene.onlooker.aclose()
    before = scene.asked
    scene.user("speaking")
    scene.agent("thinking")
    scene.room.emit("track_published")
    assert scene.asked == before


async def test_request_makes_the_feed_look_at_the_room() -> None:
    """It brings frames back at once."""
    scene = Scene(VisionSettings())
    sight = scene.onlooker.sight
    assert isinstance(sight, LiveSight)
    scene.onlooker.register()
    before = scene.asked
    sight.on_look()
    assert scene.asked == before + 1
    await scene.onlooker.aclose()
    sight.on_look()
    assert scene.asked == before + 1


async def test_sight_that_is_off_follows_nothing_and_says_so() -> None:
    """The room is told once; who speaks is nobody's business."""
    scene = Scene(VisionSettings(source="off"))
    scene.onlooker.register()
    await scene.onlooker.joined()
    assert scene.room.attributes == {"vision.status": "off"}
    assert isinstance(scene.onlooker.sight, NoSight)
    assert await scene.onlooker.sight.look() == Blind("off")
    scene.user("speaking")
    scene.agent("speaking")
    scene.onlooker.attention.sound(1.0)
    scene.onlooker.refresh()
    await scene.onlooker.aclose()
    assert scene.asked == 0


async def test_live_sight_leaves_its_state_to_the_feed() -> None:
    """It changes, and the feed tells each change."""
    scene = Scene(VisionSettings())
    scene.onlooker.register()
    await scene.onlooker.joined()
    assert scene.room.attributes == {}
    await scene.onlooker.aclose()


@pytest.mark.parametrize(
    ("settings", "kind"),
    [(VisionSettings(attention="always"), Attention), (VisionSettings(attention="adaptive"), Adaptive)],
)
async def test_session_tells_the_attention_of_the_very_sight(settings: VisionSettings, kind: type[Attention]) -> None:
    """There is one for all of the call."""
    scene = Scene(settings)
    sight = scene.onlooker.sight
    assert isinstance(sight, LiveSight)
    assert scene.onlooker.attention is sight.attention
    assert type(sight.attention) is kind
