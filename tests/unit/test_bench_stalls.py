"""The timer of callbacks tells vision from the rest."""

import asyncio
import time
from asyncio import events
from collections.abc import AsyncIterator

import pytest

from bench import stalls
from bench.stalls import CallbackTimer, suspended, task_of


async def generator() -> AsyncIterator[int]:
    """Waits inside an async generator, as a model node does."""
    await asyncio.sleep(10)
    yield 1


async def consume() -> None:
    """Waits for the generator."""
    async for _ in generator():
        pass


async def test_suspended_walks_through_async_generators() -> None:
    """From the task down to where it waits: the framework consumes the agent's nodes as generators."""
    task = asyncio.create_task(consume())
    await asyncio.sleep(0)
    names = [code.co_name for code in suspended(task)]
    task.cancel()
    assert names[:3] == ["consume", "generator", "sleep"]


async def test_task_of_a_plain_callback_is_none() -> None:
    """Only a task's steps have one."""
    handle = asyncio.get_running_loop().call_soon(int)
    assert task_of(handle) is None


def report(callback_s: float, vision_s: float) -> dict[str, object]:
    """What is reported of one callback that spends `callback_s` itself and `vision_s` in a call that is vision."""
    lines: list[dict[str, object]] = []
    timer = CallbackTimer(lines.append)
    see = timer.mark(lambda: time.sleep(vision_s))

    def callback(_: events.Handle) -> None:
        time.sleep(callback_s)
        if vision_s:
            see()

    loop = asyncio.new_event_loop()
    timer.run(events.Handle(int, (), loop), callback)
    loop.close()
    assert len(lines) == 1
    return lines[0]


def test_only_the_marked_call_of_a_callback_is_vision() -> None:
    """What else a callback does is not held against it."""
    line = report(0.05, 0.01)
    assert line["vision"] == 1
    assert line["vision_ms"] == pytest.approx(10, abs=9)
    assert "other_ms" not in line


def test_callback_without_vision_is_told_apart() -> None:
    """It shows how noisy the machine is."""
    line = report(0.01, 0.0)
    assert line["vision"] == 0
    assert "vision_ms" not in line
    assert "other_ms" in line


async def test_step_that_resumes_vision_counts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coroutine is known by its file."""
    monkeypatch.setattr(stalls, "VISION_FILES", (__file__,))
    task = asyncio.create_task(consume())
    await asyncio.sleep(0)
    assert stalls.in_vision(task)
    task.cancel()
