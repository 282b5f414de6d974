"""The caller's ears and eyes in a room: whatever the agent sends goes into the journal."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import numpy as np
from livekit import rtc

from sandbox.caller import journal as events
from sandbox.caller.sound import SoundDetector
from sandbox.caller.streams import read_bytes, read_json, read_text

_SAMPLE_RATE = 16_000
_FRAME_MS = 10
_AUDIO_FRAMES = 100
"""Unread audio kept, one second; the oldest goes first, as sound that old can no longer be timed."""

Reader = TypeVar("Reader")


class Hearing:
    """Listens in one room, from before it is connected until `aclose()`."""

    def __init__(self, room: rtc.Room, journal: events.Journal) -> None:
        self._room = room
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self._audio: dict[str, asyncio.Task[None]] = {}
        self.agent: rtc.RemoteParticipant | None = None
        """The agent, while it is in the room; the first one if there are several."""
        self._segments_open: list[float] = []
        """When each transcription of the agent began that has not ended, in unix seconds."""
        self._room_handlers = {
            "participant_connected": self._joined,
            "participant_disconnected": self._left,
            "disconnected": self._cut_off,
            "reconnected": self._ask_again,
            "participant_attributes_changed": self._attributes,
            "track_published": self._published,
            "track_subscribed": self._subscribed,
            "track_unsubscribed": self._unsubscribed,
        }
        self._text_readers = {
            "lk.transcription": self._transcription,
            "images.status": self._upload_status,
            "turn.completed": self._turn_completed,
        }

    @property
    def audible(self) -> bool:
        """Whether the agent's audio track is subscribed."""
        return bool(self._audio)

    def writing(self, after: float) -> bool:
        """Whether a transcription of the agent is under way that began later than `after` (unix seconds)."""
        return any(started > after for started in self._segments_open)

    def register(self) -> None:
        """Listen; to be called before the room is connected, or what comes early is lost."""
        for name, handler in self._room_handlers.items():
            self._room.on(name, handler)  # type: ignore[arg-type]  # a literal type of theirs
        for topic, read in self._text_readers.items():
            self._room.register_text_stream_handler(topic, self._in_a_task(read))
        self._room.register_byte_stream_handler("vision.snapshot", self._in_a_task(self._snapshot))

    def look_around(self) -> None:
        """Take note of the agent that is there; to be called once connected."""
        for participant in self._room.remote_participants.values():
            self._joined(participant)

    async def aclose(self) -> None:
        """Stop listening and end every task."""
        self._room.unregister_byte_stream_handler("vision.snapshot")
        for topic in self._text_readers:
            self._room.unregister_text_stream_handler(topic)
        for name, handler in self._room_handlers.items():
            self._room.off(name, handler)  # type: ignore[arg-type]  # a literal type of theirs
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._audio.clear()
        self._segments_open.clear()

    def _in_a_task(self, read: Callable[[Reader, str], Coroutine[Any, Any, None]]) -> Callable[[Reader, str], None]:
        """Give a handler that is called, not awaited, as the SDK does it."""

        def handle(reader: Reader, sender: str) -> None:
            self._run(read(reader, sender))

        return handle

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT or self.agent is not None:
            return
        self.agent = participant
        self._journal.add(events.AgentJoined(at=time.time(), identity=participant.identity))
        self._attributes(participant.attributes, participant)
        self._ask_again()

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if self._is_agent(participant):
            self._gone(participant)
            self.look_around()  # another one may have come meanwhile

    def _cut_off(self, _: object) -> None:
        # The server closed the room: of the others' leaving nothing more is told.
        if self.agent is not None:
            self._gone(self.agent)

    def _gone(self, agent: rtc.RemoteParticipant) -> None:
        self.agent = None
        self._journal.add(events.AgentLeft(at=time.time(), identity=agent.identity))

    def _ask_again(self) -> None:
        # While it connects anew the SDK tells of tracks already, and drops what is asked of the server.
        if self.agent is not None:
            for publication in self.agent.track_publications.values():
                self._published(publication, self.agent)

    def _is_agent(self, participant: rtc.Participant) -> bool:
        return self.agent is not None and participant.identity == self.agent.identity

    def _attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if not self._is_agent(participant):
            return
        now = time.time()
        if state := changed.get("lk.agent.state"):
            self._journal.add(events.AgentState(at=now, state=state))
        if status := changed.get("vision.status"):
            self._journal.add(events.VisionStatus(at=now, status=status))

    def _published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        # Nothing else is subscribed to: decoding the video of other callers would only cost.
        if self._is_agent(participant) and publication.kind == rtc.TrackKind.KIND_AUDIO:
            publication.set_subscribed(True)

    def _subscribed(self, track: rtc.Track, _: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if self._is_agent(participant) and track.kind == rtc.TrackKind.KIND_AUDIO:
            self._audio[track.sid] = self._run(self._listen(track))
            self._journal.touch()

    def _unsubscribed(self, track: rtc.Track, _: rtc.RemoteTrackPublication, __: object) -> None:
        if task := self._audio.pop(track.sid, None):
            task.cancel()

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(
            track,
            capacity=_AUDIO_FRAMES,
            sample_rate=_SAMPLE_RATE,
            num_channels=1,
            frame_size_ms=_FRAME_MS,
        )
        detector = SoundDetector()
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16)
                if edge := detector.push(samples, time.time()):
                    kind = events.SoundBegan if edge.began else events.SoundEnded
                    self._journal.add(kind(at=edge.at))
        finally:
            if edge := detector.stop():
                self._journal.add(events.SoundEnded(at=edge.at))
            await stream.aclose()

    async def _transcription(self, reader: rtc.TextStreamReader, speaker: str) -> None:
        started = time.time()
        is_agent = speaker != self._room.local_participant.identity
        if is_agent:
            self._segments_open.append(started)
        try:
            text, complete = await read_text(reader)
        finally:
            if is_agent:
                self._segments_open.remove(started)
        attributes = reader.info.attributes or {}
        self._journal.add(
            events.Transcript(
                at=time.time(),
                speaker=speaker,
                segment=attributes.get("lk.segment_id", ""),
                text=text,
                final=complete and attributes.get("lk.transcription_final") == "true",
                started=started,
            )
        )

    async def _upload_status(self, reader: rtc.TextStreamReader, _: str) -> None:
        text, _complete = await read_text(reader)
        self._journal.add(events.UploadStatus(at=time.time(), data=read_json(text)))

    async def _turn_completed(self, reader: rtc.TextStreamReader, _: str) -> None:
        text, _complete = await read_text(reader)
        self._journal.add(events.TurnCompleted(at=time.time(), data=read_json(text)))

    async def _snapshot(self, reader: rtc.ByteStreamReader, _: str) -> None:
        data, complete = await read_bytes(reader)
        if complete:
            attributes = dict(reader.info.attributes or {})
            self._journal.add(events.Snapshot(at=time.time(), data=data, attributes=attributes))
