"""One measured talk: a caller with a camera, a worker with given settings, a number of spoken turns."""

import json
import statistics
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox.caller.caller import Caller
from sandbox.caller.scenes import Counter
from sandbox.control.client import SandboxClient
from sandbox.stack import AGENT_NAME, start_livekit, start_sandbox, start_worker, worker_env
from sandbox.tts.voice import Voice
from sandbox.turn import Turn, spoken_turn

QUESTION = "What number do you see?"
LEEWAY_S = 0.5
"""So long before the end of the question a picture may have been drawn: sound and frames travel separately."""


@dataclass(frozen=True)
class Talk:
    """What was measured.

    Attributes:
        turns: Each turn, as the caller and the provider saw it.
        logged: The worker's `turn_completed` of each turn.
        memory_mb: Resident memory of the job process after each turn, in MB.
    """

    turns: list[Turn]
    logged: list[dict[str, Any]]
    memory_mb: list[float]

    @property
    def sighted(self) -> int:
        """Turns whose spoken answer was made from a picture of that moment, by the stamp in the picture."""
        return sum(turn.drawn_at is not None and turn.drawn_at >= turn.asked - LEEWAY_S for turn in self.turns)

    @property
    def view_age_ms(self) -> list[float]:
        """From the drawing of the scene to the model request: camera, network, decoder and encoder included."""
        return [turn.view_age_s * 1000 for turn in self.turns if turn.view_age_s is not None]

    @property
    def delay_ms(self) -> list[float]:
        """From the end of speech to the first sound that the caller heard."""
        return [turn.reply.delay_s * 1000 for turn in self.turns]


async def hold_talk(turns: int, logs: Path, settings: Mapping[str, str]) -> Talk:
    """Start everything, talk, end everything.

    Raises:
        LookupError: If an answer does not belong to a request: then nothing here would be worth measuring.
    """
    async with AsyncExitStack() as running:
        address = await start_livekit(running, logs)
        sandbox_url = await start_sandbox(running, logs, "--exact")
        voice = Voice()
        running.push_async_callback(voice.aclose)
        await voice.start()
        pcm = await voice.speak(QUESTION)
        worker = await start_worker(running, logs, {**worker_env(address, sandbox_url), **settings})
        sandbox = await running.enter_async_context(SandboxClient(sandbox_url))
        caller = await running.enter_async_context(
            Caller(address.url, address.api_key, address.api_secret, "bench", voice=voice)
        )
        await caller.join()
        await caller.show(Counter())
        await caller.call(AGENT_NAME)
        held: list[Turn] = []
        memory: list[float] = []
        for _ in range(turns):
            held.append(await spoken_turn(caller, sandbox, QUESTION, pcm, voice.sample_rate))
            job = _turns_logged(worker.log)[0]["pid"]
            memory.append(psutil.Process(job).memory_info().rss / 1e6)
        return Talk(held, _turns_logged(worker.log), memory)


def _turns_logged(log: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["event"] == "turn_completed"]


def p95(values: list[float]) -> float:
    """The 95th percentile; of a single value, that."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
