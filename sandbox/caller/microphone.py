"""A microphone that never stops: silence, and speech on demand, at the pace of real time."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from livekit import rtc

from sandbox.caller.publishing import unpublish
from sandbox.caller.sound import Samples, voiced_frames
from sandbox.tts import pcm

SAMPLE_RATE = 48_000
FRAME_S = 0.01
FRAME_SAMPLES = SAMPLE_RATE // 100
"""Samples in 10 ms, the one length that a source without a queue takes."""

_MAX_BEHIND_S = 0.5
"""A loop that was held up longer than this skips the lost time; below it, the frames are sent in one go."""


class Speaks(Protocol):
    """A voice, such as `sandbox.tts.voice.Voice`, started."""

    sample_rate: int
    """Hertz."""

    async def speak(self, text: str) -> bytes:
        """Give a text as PCM, s16le, mono."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """When something was said, in unix seconds; silence before and after the voice excluded."""

    started: float
    ended: float


@dataclass(slots=True, eq=False)
class _Speech:
    """Samples on their way into the track."""

    frames: Samples
    """Frames x samples."""
    voiced: tuple[int, int]
    done: asyncio.Future[Spoken]
    next: int = 0
    began: float = field(default=0.0)
    ended: float = field(default=0.0)


class Microphone:
    """An audio track of a room. One speech at a time; further ones wait."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        # No queue: a frame is on its way when it has been captured, so the times in `Spoken` are exact.
        self._source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=0)
        self._track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        # One step of dither instead of pure zeros, as a real microphone would have.
        noise = np.random.default_rng(0).integers(-1, 2, FRAME_SAMPLES, np.int16)
        self._silence = _frame(noise)
        self._speech: _Speech | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """Publish the track and begin to send silence."""
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._room.local_participant.publish_track(self._track, options)
        self._task = asyncio.create_task(self._send())

    async def speak(self, speech: bytes, sample_rate: int) -> Spoken:
        """Say something in real time, and come back once its last voiced frame has been sent.

        Args:
            speech: s16le, mono. Its trailing silence goes on being sent after the return.
            sample_rate: hertz.

        Raises:
            ValueError: There is no voice in it.
        """
        frames = framed(pcm.resample(speech, sample_rate, SAMPLE_RATE))
        voiced = voiced_frames(frames.ravel(), FRAME_SAMPLES)
        if voiced is None:
            raise ValueError(f"{len(speech):,} bytes of silence, speech needs a voice")
        async with self._turn:
            done: asyncio.Future[Spoken] = asyncio.get_running_loop().create_future()
            self._speech = _Speech(frames, voiced, done)
            try:
                return await done
            except asyncio.CancelledError:
                self._speech = None
                raise

    def mute(self) -> None:
        """Mute the track; others are told."""
        self._track.mute()

    def unmute(self) -> None:
        """Unmute the track; others are told."""
        self._track.unmute()

    async def unpublish(self) -> None:
        """Take the track out of the room, and close."""
        await unpublish(self._room, self._track.sid)
        await self.aclose()

    async def aclose(self) -> None:
        """Stop sending; the track goes when its room is left. A speech under way is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._speech is not None:
            self._speech.done.cancel()
        await self._source.aclose()

    async def _send(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            await self._source.capture_frame(self._next())
            due += FRAME_S
            behind = clock() - due
            if behind > _MAX_BEHIND_S:
                due += behind
            elif behind < 0:
                await asyncio.sleep(-behind)

    def _next(self) -> rtc.AudioFrame:
        speech = self._speech
        if speech is None:
            return self._silence
        first, last = speech.voiced
        now = time.time()
        if speech.next == first:
            speech.began = now
        if speech.next == last and not speech.done.done():
            speech.done.set_result(Spoken(speech.began, now))
        frame = _frame(speech.frames[speech.next])
        speech.next += 1
        if speech.next == len(speech.frames):
            self._speech = None
        return frame


def framed(speech: bytes) -> Samples:
    """Cut PCM (s16le, mono, 48 kHz) into whole frames, frames x samples, the last one filled with silence."""
    samples = np.frombuffer(speech, np.int16)
    missing = -samples.size % FRAME_SAMPLES
    return np.pad(samples, (0, missing)).reshape(-1, FRAME_SAMPLES)


def _frame(samples: Samples) -> rtc.AudioFrame:
    return rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, FRAME_SAMPLES)
