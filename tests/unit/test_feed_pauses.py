"""When the caller's video is delivered, and when it is paused."""

from structlog.testing import capture_logs

from agent.vision.feed import VideoFeed
from agent.vision.sight import LiveSight
from config.vision import VisionSettings
from tests.fakes import Clock, flat_frame
from tests.publishing import Camera, Delivery, Person, following, reason, screen


def adaptive(clock: Clock, **settings: object) -> LiveSight:
    """A sight whose attention comes and goes."""
    chosen = VisionSettings(attention="adaptive", look_timeout_ms=0, **settings)  # type: ignore[arg-type]
    return LiveSight(chosen, clock=clock)


def rest(feed: VideoFeed, sight: LiveSight, clock: Clock) -> None:
    """Nobody has spoken for long, and a frame came just now."""
    sight.attention.agent("listening")
    feed.refresh()
    clock.now += 60
    for eye in sight.eyes:
        assert eye.put(flat_frame(sid=eye.chosen_sid or "", taken_at=clock.now)) is True
    sight.attention.seen()
    feed.refresh()


async def test_video_is_paused_while_nothing_needs_it() -> None:
    """It stays subscribed and read, so that it comes back soon; its status does not change."""
    clock, camera, asked = Clock(), Camera(), Delivery()
    sight = adaptive(clock)
    async with following(sight, Person(camera), asked) as feed:
        feed.refresh()
        assert asked == []
        rest(feed, sight, clock)
        feed.refresh()
        assert asked == [("TR_1", False)]
        assert (camera.asked, list(feed._readers), sight.status()) == ([True], ["TR_1"], "camera")


async def test_look_brings_the_video_back() -> None:
    """Before it waits for a frame."""
    clock, asked = Clock(), Delivery()
    sight = adaptive(clock)
    async with following(sight, Person(Camera()), asked) as feed:
        rest(feed, sight, clock)
        clock.now += 10
        assert reason(await sight.look()) == "late"
        assert asked == [("TR_1", False), ("TR_1", True)]


async def test_speech_of_the_user_brings_the_video_back() -> None:
    """And keeps it, for as long as they speak."""
    clock, asked = Clock(), Delivery()
    sight = adaptive(clock)
    async with following(sight, Person(Camera()), asked) as feed:
        rest(feed, sight, clock)
        sight.attention.user(speaking=True)
        feed.refresh()
        clock.now += 20
        feed.refresh()
        assert asked == [("TR_1", False), ("TR_1", True)]
        sight.attention.seen()
        sight.attention.user(speaking=False)
        clock.now += 20
        feed.refresh()
        assert asked[2:] == [("TR_1", False)]


async def test_return_of_a_muted_track_is_looked_at() -> None:
    """Something else is shown: a frame of it is taken, whoever speaks."""
    clock, camera, asked = Clock(), Camera(), Delivery()
    sight = adaptive(clock)
    async with following(sight, Person(camera), asked) as feed:
        rest(feed, sight, clock)
        camera.muted = True
        feed.refresh()
        clock.now += 10
        feed.refresh()
        camera.muted = False
        camera.renew()
        feed.refresh()
        assert sight.attention.watching() is True
        assert asked == [("TR_1", False), ("TR_1", True)]  # the server may still pause what it paused before
        clock.now += 10
        sight.attention.seen()
        feed.refresh()
        assert asked[2:] == [("TR_1", False)]


class Refused(Delivery):
    """An SDK that has no such request."""

    def __call__(self, publication: Camera, *, enabled: bool) -> None:
        super().__call__(publication, enabled=enabled)
        raise AttributeError("no such request")


async def test_pause_that_fails_blinds_nobody() -> None:
    """The video is received all the time then, and looked at when it matters."""
    clock, camera, asked = Clock(), Camera(), Refused()
    sight = adaptive(clock)
    async with following(sight, Person(camera), asked) as feed:
        with capture_logs() as logs:
            rest(feed, sight, clock)
            await sight.look()
            feed.refresh()
    assert asked[0] == ("TR_1", False)
    assert set(asked[1:]) == {("TR_1", True)}
    assert len(asked) > 2  # what must come back is tried again
    assert {entry["event"] for entry in logs if entry["log_level"] == "error"} == {"video_delivery_failed"}


async def test_track_that_is_subscribed_anew_in_a_pause_is_paused_as_well() -> None:
    """The server delivers it, whatever was asked of the one before it."""
    clock, camera, asked = Clock(), Camera(), Delivery()
    sight = adaptive(clock)
    async with following(sight, Person(camera), asked) as feed:
        rest(feed, sight, clock)
        camera.renew()
        feed.refresh()
        feed.refresh()
        assert asked == [("TR_1", False), ("TR_1", False)]
        await sight.look()
        assert asked[2:] == [("TR_1", True)]


async def test_both_tracks_are_paused_and_come_back_together() -> None:
    """One conversation needs both."""
    clock, asked = Clock(), Delivery()
    sight = adaptive(clock, source="both")
    async with following(sight, Person(Camera(), screen()), asked) as feed:
        rest(feed, sight, clock)
        assert sorted(asked) == [("TR_1", False), ("TR_2", False)]
        assert sight.status() == "both"
        await sight.look()
        assert sorted(asked[2:]) == [("TR_1", True), ("TR_2", True)]
