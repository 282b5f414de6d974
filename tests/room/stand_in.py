"""An agent's place in a room, taken by hand: it looks, makes a tone and writes as livekit-agents 1.8.9 does."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Self

import cv2
import numpy as np
from livekit import api, rtc

from sandbox.caller.scenes import read_stamp
from sandbox.caller.sound import SoundDetector

RATE = 48_000


class StandIn:
    """An agent without a worker, in `room`."""

    def __init__(self, url: str, api_key: str, api_secret: str, room: str) -> None:
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
        token = api.AccessToken(api_key, api_secret).with_identity("agent-1").with_kind("agent")
        self._url, self._jwt = url, token.with_grants(grants).to_jwt()
        self.room = rtc.Room()
        self.source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self.ages_s: list[float] = []
        self.sizes: list[tuple[int, int]] = []
        self.frames = 0
        self.sounds: list[tuple[float, bool]] = []
        self.events: list[str] = []
        self.uploads: list[tuple[rtc.ByteStreamInfo, bytes]] = []
        self.typed: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._tracks: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("track_unsubscribed", self._unsubscribed)
        self.room.on("track_muted", lambda *_: self.events.append("muted"))
        self.room.on("track_unmuted", lambda *_: self.events.append("unmuted"))
        self.room.on("track_unpublished", lambda *_: self.events.append("unpublished"))
        self.room.register_byte_stream_handler("images", self._upload_came)
        self.room.register_text_stream_handler("lk.chat", self._chat_came)
        await self.room.connect(self._url, self._jwt)
        self.room.local_participant.register_rpc_method("end_turn", lambda call: f"got {call.payload}")
        track = rtc.LocalAudioTrack.create_audio_track("voice", self.source)
        await self.room.local_participant.publish_track(track)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()
        await self.source.aclose()

    async def tone(self, seconds: float) -> float:
        """Send a tone, and give the unix seconds at which its first frame was captured."""
        wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(RATE // 100) / RATE)).astype(np.int16).tobytes()
        began = time.time()
        for _ in range(round(seconds * 100)):
            await self.source.capture_frame(rtc.AudioFrame(wave, RATE, 1, RATE // 100))
        await self.source.wait_for_playout()
        return began

    async def write(self, text: str, segment: str = "SG_1") -> rtc.TextStreamWriter:
        """Begin a transcription of the agent's own words."""
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription",
            sender_identity="agent-1",
            attributes={"lk.transcription_final": "false", "lk.segment_id": segment},
        )
        await writer.write(text)
        return writer

    async def say(self, text: str, seconds: float = 0.4) -> float:
        """Answer as a session does: state, sound and words, state."""
        await self.room.local_participant.set_attributes({"lk.agent.state": "speaking"})
        writer = await self.write(text)
        began = await self.tone(seconds)
        await writer.aclose(attributes={"lk.transcription_final": "true"})
        await self.room.local_participant.set_attributes({"lk.agent.state": "listening"})
        return began

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _subscribed(self, track: rtc.Track, *_: object) -> None:
        watch = self._look if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen
        self._tracks[track.sid] = self._run(watch(track))

    def _unsubscribed(self, track: rtc.Track, *_: object) -> None:
        # Left open, the stream of a track that is gone would deliver the frames of the next one.
        if task := self._tracks.pop(track.sid, None):
            task.cancel()

    async def _look(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, capacity=1)
        try:
            async for event in stream:
                now, frame = time.time(), event.frame
                self.frames += 1
                self.sizes.append((frame.width, frame.height))
                if frame.width < 64:
                    continue
                i420 = np.frombuffer(frame.data, np.uint8).reshape(frame.height * 3 // 2, frame.width)
                if (drawn := read_stamp(np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), np.uint8))) is not None:
                    self.ages_s.append(now - drawn)
        finally:
            await stream.aclose()

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=16_000, num_channels=1, frame_size_ms=10, capacity=100)
        detector = SoundDetector()
        try:
            async for event in stream:
                if edge := detector.push(np.frombuffer(event.frame.data, np.int16), time.time()):
                    self.sounds.append((edge.at, edge.began))
        finally:
            await stream.aclose()

    def _upload_came(self, reader: rtc.ByteStreamReader, _: str) -> None:
        self._run(self._upload(reader))

    def _chat_came(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._run(self._chat(reader))

    async def _upload(self, reader: rtc.ByteStreamReader) -> None:
        self.uploads.append((reader.info, b"".join([chunk async for chunk in reader])))

    async def _chat(self, reader: rtc.TextStreamReader) -> None:
        self.typed.append(await reader.read_all())
