"""The caller's voice after the connection was made anew."""

from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc

from agent.caller import CallerLink


class Publication:
    """A track that somebody offers."""

    def __init__(self, kind: int, *, subscribed: bool = False):
        self.kind = kind
        self.subscribed = subscribed
        self.asked: list[bool] = []

    def set_subscribed(self, subscribed: bool) -> None:  # noqa: FBT001 - the SDK's own signature
        """Ask the server for it."""
        self.asked.append(subscribed)


def link(room: rtc.EventEmitter[Any], only_for: str | None) -> CallerLink:
    """A link for this caller."""
    ctx: Any = SimpleNamespace(room=room)
    session: Any = None
    return CallerLink(ctx, session, only_for=only_for, linger_s=1, on_change=lambda: None)


@pytest.mark.parametrize(("identity", "asked"), [("ann", [True]), ("bob", []), (None, [])])
async def test_caller_is_subscribed_to_again_once_the_connection_is_back(
    identity: str | None, asked: list[bool]
) -> None:
    """Their voice alone, and nobody else's."""
    voice = Publication(rtc.TrackKind.KIND_AUDIO)
    heard = Publication(rtc.TrackKind.KIND_AUDIO, subscribed=True)
    camera = Publication(rtc.TrackKind.KIND_VIDEO)
    ann = SimpleNamespace(track_publications={"a": voice, "b": heard, "c": camera})
    room: Any = rtc.EventEmitter()
    room.remote_participants = {"ann": ann}
    caller = link(room, identity)
    caller.register()
    room.emit("reconnected")
    assert voice.asked == asked
    assert heard.asked == camera.asked == []
    await caller.aclose()
    room.emit("reconnected")
    assert voice.asked == asked
