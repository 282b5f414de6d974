"""How long the event loop was ever blocked: what a caller would hear as a stutter."""

import asyncio

from agent.ops import metrics

TICK_S = 0.01


class StallWatch:
    """Wakes every 10 ms and notes how much too late; a shorter block than that may go unseen."""

    def __init__(self) -> None:
        self._longest_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._task = asyncio.create_task(self._watch())

    def take_ms(self) -> float:
        """Milliseconds of the longest block since the last call of this."""
        longest, self._longest_s = self._longest_s, 0.0
        return longest * 1000

    async def aclose(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            late = loop.time() - due
            self._longest_s = max(self._longest_s, late)
            metrics.stalled(late)
