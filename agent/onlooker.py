"""The sight of one call: tied to its room, which brings the video, and to its session, which says who speaks."""

from collections.abc import Callable

from livekit import rtc
from livekit.agents import AgentSession, AgentStateChangedEvent, UserStateChangedEvent

from agent.vision.attention import Attention
from agent.vision.feed import STATUS_ATTRIBUTE, VideoFeed
from agent.vision.sight import LiveSight, NoSight, Sight
from config.vision import VisionSettings


class Onlooker:
    """Owns sight and feed, or their absence when sight is off.

    Attributes:
        sight: What requests look with.
        attention: What is told who speaks; without any effect when sight is off.
    """

    def __init__(
        self,
        room: rtc.Room,
        session: AgentSession[None],
        settings: VisionSettings,
        linked: Callable[[], rtc.RemoteParticipant | None],
        *,
        compare: bool = False,
    ):
        """`linked` gives the caller while they are here; with `compare`, views can be told from one another."""
        live = None if settings.source == "off" else LiveSight(settings, compare=compare)
        self.sight: Sight = live or NoSight()
        self.attention = live.attention if live else Attention()
        self._room = room
        self._session = session
        self._feed = VideoFeed(room, live, linked) if live else None
        self._turn = False

    def register(self) -> None:
        """Follow room and session; before the room is joined."""
        if self._feed is not None:
            self._feed.register()
            self._session.on("user_state_changed", self._on_user)
            self._session.on("agent_state_changed", self._on_agent)

    async def joined(self) -> None:
        """Tell the room that there is no sight; a feed tells its state by itself."""
        if self._feed is None:
            await self._room.local_participant.set_attributes({STATUS_ATTRIBUTE: self.sight.status()})

    def refresh(self) -> None:
        """Look at what the caller publishes and whether it matters: the caller has changed, or who speaks."""
        if self._feed is not None:
            self._feed.refresh()

    def turn(self, open_: bool) -> None:  # noqa: FBT001  # the value itself
        """The caller begins or ends a turn by themselves: it matters all the while, pauses included."""
        self._turn = open_
        self.attention.user(speaking=open_ or self._session.user_state == "speaking")
        self.refresh()

    async def aclose(self) -> None:
        """Stop following."""
        if self._feed is not None:
            self._session.off("user_state_changed", self._on_user)
            self._session.off("agent_state_changed", self._on_agent)
            await self._feed.aclose()

    def _on_user(self, event: UserStateChangedEvent) -> None:
        self.attention.user(speaking=self._turn or event.new_state == "speaking")
        self.refresh()

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        self.attention.agent(event.new_state)
        self.refresh()
