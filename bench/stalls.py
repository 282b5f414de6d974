"""How long single callbacks hold a worker's event loop for vision.

A tick that comes late tells that the loop was held, not by what. So each callback of the loop is timed. One that
resumes a coroutine of the vision code counts whole, with whatever it runs besides; in any other, the calls of the
vision code's plain methods count, and the conversion of a picture for a model request, in both the framework's.

Not covered: the few microseconds in which the SDK hands each video event to the loop, and writing a request's JSON and
bytes. `ms` is wall time, which on a shared machine includes waiting for a core; `cpu_ms` is what the loop's thread did.
"""

import asyncio
import gc
import inspect
import json
import os
import sys
import threading
import time
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import wraps
from types import CodeType, FunctionType, ModuleType
from typing import Any

SWITCH = "BENCH_STALLS"
"""The environment variable that turns this on; it costs a few microseconds a callback."""

VISION_FILES = (
    "/agent/vision/",
    "/agent/uploads/",
    "/agent/gallery.py",
    "/bench/recipe.py",
    "/livekit/rtc/video_stream.py",
    "/livekit/rtc/data_stream.py",
)
"""Coroutines of these files are vision."""
VISION_MODULES = ("agent.vision.", "agent.uploads.", "bench.recipe")
"""Plain methods of the classes in these are vision, whoever calls them."""
CONVERTER = ("livekit.agents.llm._provider_format.openai", "_to_image_content")
"""Makes of an `ImageContent` what the request carries: encoding and base64."""

REPORT_S = 1.0

Clocks = tuple[float, float]
"""Wall time and CPU time of the thread, in seconds."""


class CallbackTimer:
    """Times the callbacks of one process, and reports the longest of each second."""

    def __init__(self, write: Callable[[dict[str, object]], None]) -> None:
        self._write = write
        self._thread = 0
        self._depth = 0
        self._in_calls: Clocks = (0.0, 0.0)
        self._due = 0.0
        self._count = 0
        self._longest: dict[str, float] = {}
        self._what = ""

    def run(self, handle: events.Handle, original: Callable[[events.Handle], None]) -> None:
        """Run a callback as the loop would."""
        task = task_of(handle)
        resumes_vision = task is not None and in_vision(task)
        self._thread = threading.get_ident()
        self._in_calls = (0.0, 0.0)
        started = _clocks()
        original(handle)
        whole = _since(started)
        if resumes_vision:
            self._note("vision", whole, task)
        elif self._in_calls[0]:
            self._note("vision", self._in_calls, task)
        else:
            self._note("other", whole, task)
        if started[0] >= self._due:
            self._report(started[0])
            self._mark_entries()  # each time, since modules come when they are first used

    def mark(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time counted as vision."""

        @wraps(function)
        def marked(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:
                return function(*args, **kwargs)  # such as encoding, which is not done on the loop
            started = _clocks()
            self._depth += 1
            try:
                return function(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:  # else a call within a call, which is counted with the outer one
                    spent = _since(started)
                    self._in_calls = (self._in_calls[0] + spent[0], self._in_calls[1] + spent[1])

        marked.__dict__["counts_as_vision"] = True
        return marked

    def _mark_entries(self) -> None:
        # Copies: another thread may be importing.
        for name, module in sys.modules.copy().items():
            if name == CONVERTER[0]:
                self._mark(module, CONVERTER[1])
            if name.startswith(VISION_MODULES):
                for each in _classes(module):
                    for attribute in [name for name in vars(each) if not name.startswith("__")]:
                        self._mark(each, attribute)

    def _mark(self, owner: ModuleType | type, name: str) -> None:
        function = vars(owner).get(name)
        # Coroutines are known by where they wait; a wrapper would hide from the framework what they are.
        is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        if isinstance(function, FunctionType) and not is_async and not hasattr(function, "counts_as_vision"):
            setattr(owner, name, self.mark(function))

    def _note(self, kind: str, spent: Clocks, task: asyncio.Task[Any] | None) -> None:
        ms, cpu_ms = spent[0] * 1000, spent[1] * 1000
        if kind == "vision":
            self._count += 1
            if cpu_ms > self._longest.get("vision_cpu_ms", 0.0):
                self._what = getattr(task.get_coro(), "__qualname__", "") if task else "callback"
        for name, value in ((f"{kind}_ms", ms), (f"{kind}_cpu_ms", cpu_ms)):
            self._longest[name] = max(self._longest.get(name, 0.0), value)

    def _report(self, now: float) -> None:
        longest = {name: round(value, 2) for name, value in self._longest.items()}
        head = {"event": "callbacks", "pid": os.getpid(), "at": time.time()}
        self._write({**head, "vision": self._count, "what": self._what, **longest})
        self._due, self._count, self._longest, self._what = now + REPORT_S, 0, {}, ""


def install() -> None:
    """Time every callback of this process from now on, and report on standard output."""
    original = events.Handle._run  # noqa: SLF001 - the one place through which every callback goes
    if hasattr(original, "timed"):
        return
    timer = CallbackTimer(_to_stdout)

    def timed(handle: events.Handle) -> None:
        timer.run(handle, original)

    timed.__dict__["timed"] = True
    events.Handle._run = timed  # type: ignore[assignment, method-assign]  # noqa: SLF001


def task_of(handle: events.Handle) -> asyncio.Task[Any] | None:
    """The task whose next step a callback runs."""
    owner = getattr(getattr(handle, "_callback", None), "__self__", None)
    return owner if isinstance(owner, asyncio.Task) else None


def in_vision(task: asyncio.Task[Any]) -> bool:
    """Whether a task waits in a coroutine of the vision code."""
    return any(part in code.co_filename for code in suspended(task) for part in VISION_FILES)


def suspended(task: asyncio.Task[Any]) -> Iterator[CodeType]:
    """The code of each coroutine and async generator that a task waits in, outermost first."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        if inspect.iscoroutine(awaited):
            yield awaited.cr_code
            awaited = awaited.cr_await
        elif inspect.isasyncgen(awaited):
            yield awaited.ag_code
            awaited = awaited.ag_await
        elif type(awaited).__name__.startswith("async_generator_"):
            # Nothing public leads from a step of a generator to the generator.
            awaited = next((each for each in gc.get_referents(awaited) if isinstance(each, AsyncGenerator)), None)
        else:
            return


def _to_stdout(line: dict[str, object]) -> None:
    # One system call, so that lines of other processes can't come in between.
    os.write(1, f"{json.dumps(line)}\n".encode())


def _clocks() -> Clocks:
    return time.perf_counter(), time.thread_time()


def _since(started: Clocks) -> Clocks:
    wall, cpu = _clocks()
    return wall - started[0], cpu - started[1]


def _classes(module: ModuleType) -> list[type]:
    return [
        each for each in vars(module).copy().values() if isinstance(each, type) and each.__module__ == module.__name__
    ]
