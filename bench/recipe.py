"""The documented way to let a LiveKit agent see: sampled video frames, added to each user turn.

It behaves as LiveKit's page on video describes it, with its flaws, since they are what is compared:

* `on_enter` reads the kind of a publication's track, which is None until the track is subscribed. In a worker that
  joins the room before it starts the session, a caller who publishes already makes it raise: no track is ever read.
* `on_user_turn_completed` runs after the speculative request: with preemptive generation the picture comes too late.
* A second track calls `close()`, which `rtc.VideoStream` does not have: its frames are never read.
"""

import asyncio

from livekit import rtc
from livekit.agents import Agent, get_job_context
from livekit.agents.llm import ChatContext, ChatMessage, ImageContent


class Assistant(Agent):
    """An agent with the newest frame of the caller's video."""

    def __init__(self) -> None:
        self._latest_frame: rtc.VideoFrame | None = None
        self._video_stream: rtc.VideoStream | None = None
        self._tasks: list[asyncio.Task[None]] = []
        super().__init__(instructions="You are a helpful voice AI assistant.")

    async def on_enter(self) -> None:
        """Look for a video track that is there, and watch for one that comes."""
        room = get_job_context().room
        if room.remote_participants:
            participant = next(iter(room.remote_participants.values()))
            tracks = [
                publication.track
                for publication in participant.track_publications.values()
                if publication.track.kind == rtc.TrackKind.KIND_VIDEO  # type: ignore[union-attr]  # as documented
            ]
            if tracks:
                self._create_video_stream(tracks[0])  # type: ignore[arg-type]  # as documented

        @room.on("track_subscribed")
        def on_track_subscribed(track: rtc.Track, _: rtc.RemoteTrackPublication, __: rtc.RemoteParticipant) -> None:
            if track.kind == rtc.TrackKind.KIND_VIDEO:
                self._create_video_stream(track)

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:  # noqa: ARG002
        """Add the newest frame to the turn."""
        if self._latest_frame:
            new_message.content.append(ImageContent(image=self._latest_frame))
            self._latest_frame = None

    def _create_video_stream(self, track: rtc.Track) -> None:
        if self._video_stream is not None:
            self._video_stream.close()  # type: ignore[attr-defined]  # as documented
        stream = self._video_stream = rtc.VideoStream(track)

        async def read_stream() -> None:
            async for event in stream:
                self._latest_frame = event.frame

        task = asyncio.create_task(read_stream())
        task.add_done_callback(self._tasks.remove)
        self._tasks.append(task)
