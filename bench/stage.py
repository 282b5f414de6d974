"""What every measurement runs on: one LiveKit server, one sandbox in exact mode, and speech made once."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.workers import Contender, Worker
from sandbox.caller.sound import voiced_frames
from sandbox.control.client import SandboxClient
from sandbox.stack import Address, start_livekit, start_sandbox
from sandbox.tts.voice import Voice

QUESTION = "What number do you see?"
SHORT = "Hi there?"
SPEECH_S = 5.0
"""Seconds of uninterrupted speech in `Speech.long`."""


@dataclass(frozen=True)
class Speech:
    """Recordings of a voice: s16le, mono. In exact mode the sandbox hears what it is told, whatever they say.

    Attributes:
        sample_rate: Hertz.
        question: About a second and a half.
        short: Less than a second.
        long: Five seconds without a pause.
    """

    sample_rate: int
    question: bytes
    short: bytes
    long: bytes


@dataclass
class Stage:
    """The stack that all contenders share."""

    address: Address
    sandbox_url: str
    sandbox: SandboxClient
    speech: Speech
    logs: Path

    @asynccontextmanager
    async def worker(self, contender: Contender, *, timed: bool = False) -> AsyncIterator[Worker]:
        """A contender, running."""
        worker = Worker(contender, self.logs)
        try:
            await worker.start(self.address, self.sandbox_url, timed=timed)
            yield worker
        finally:
            await worker.aclose()


@asynccontextmanager
async def open_stage(logs: Path) -> AsyncIterator[Stage]:
    """Start everything; end everything."""
    async with AsyncExitStack() as running:
        address = await start_livekit(running, logs)
        sandbox_url = await start_sandbox(running, logs, "--exact")
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        yield Stage(address, sandbox_url, sandbox, await _speech(), logs)


async def _speech() -> Speech:
    voice = Voice()
    try:
        await voice.start()
        question, short = await voice.speak(QUESTION), await voice.speak(SHORT)
        return Speech(voice.sample_rate, question, short, prolonged(question, voice.sample_rate, SPEECH_S))
    finally:
        await voice.aclose()


def prolonged(speech: bytes, sample_rate: int, seconds: float) -> bytes:
    """The voiced part of a recording, over and over for so many seconds; s16le, mono."""
    samples = np.frombuffer(speech, np.int16)
    frame = sample_rate // 100
    voiced = voiced_frames(samples, frame)
    assert voiced is not None, "a recording of speech holds a voice"
    core = samples[voiced[0] * frame : (voiced[1] + 1) * frame]
    return np.resize(core, int(seconds * sample_rate)).tobytes()


_STARTED = time.monotonic()


def say(progress: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED:5.0f} s] {progress}\n")
    sys.stderr.flush()
