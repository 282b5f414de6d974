"""One listening stream: sound in, transcripts out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sandbox.control.entries import Entry, Interim, Utterance
from sandbox.control.faults import HANG_S, Fault
from sandbox.control.script import UNSCRIPTED
from sandbox.control.state import State
from sandbox.stt.dialect import Dialect, Message, Said
from sandbox.stt.segmenter import Ended, Event, Paused, Segmenter, Started
from sandbox.stt.transcribe import transcribe

INTERIM_MS = 700
"""Milliseconds of speech from one interim transcript to the next."""

MAX_UTTERANCES = 500
"""Utterances remembered for one stream; drops the oldest."""

MAX_INTERIMS = 50
"""Interim transcripts remembered for one utterance; later ones are sent but not remembered."""

MAX_FINALS = 8
"""Utterances waiting for their transcript; whoever speaks further ahead is not listened to meanwhile."""

CLOSING_S = 10.0

Hear = Callable[[bytes, int], Awaitable[str]]
Send = Callable[[Message], Awaitable[None]]


@dataclass
class _Draft:
    """A guess at the whole utterance, begun in a pause: if the pause was the end, it is the transcript."""

    covers: int
    """Sample position of the last voiced sample it was made from."""
    task: asyncio.Task[str]


@dataclass
class _Final:
    """An utterance whose transcript is due."""

    ended: Ended
    utterance: Utterance
    draft: asyncio.Task[str] | None


class Listener:
    """Hears one stream of mono s16le sound. Everything it starts ends with `aclose`."""

    def __init__(
        self,
        state: State,
        entry: Entry,
        sample_rate: int,
        dialect: Dialect,
        *,
        send: Send,
        hang_up: Callable[[], None],
    ) -> None:
        """Begin to listen; needs a running loop.

        Args:
            state: The sandbox.
            entry: Where to note what was heard.
            sample_rate: Hertz.
            dialect: What it says about what it hears, and after what silence.
            send: Takes each message for the client.
            hang_up: Ends the connection, when a fault was ordered that does so.
        """
        self._state = state
        self._entry = entry
        self._sample_rate = sample_rate
        self._send = send
        self._hang_up = hang_up
        self._dialect = dialect
        self._segmenter = Segmenter(sample_rate, hangover_ms=dialect.hangover_ms, pause_ms=dialect.pause_ms)
        self._received = 0
        self._current: Utterance | None = None
        self._started_at = 0
        self._interims = 0
        self._draft: _Draft | None = None
        self._pause_told = False
        self._guesses: set[asyncio.Task[str]] = set()
        self._deaf_until = 0.0
        self._finals: asyncio.Queue[_Final | None] = asyncio.Queue(MAX_FINALS)
        self._finisher = asyncio.create_task(self._finish_utterances())

    async def feed(self, sound: bytes) -> None:
        """Take the next sound and send what there is to say about it."""
        self._entry.request_bytes += len(sound)
        self._received += len(sound) // 2
        if asyncio.get_running_loop().time() < self._deaf_until:
            return
        self._segmenter.wait(self._dialect.hangover_ms, self._dialect.pause_ms)
        for event in self._segmenter.feed(sound):
            await self._handle(event)
        if self._pause_told and not self._segmenter.pausing:
            await self._resume()
        due = (self._interims + 1) * INTERIM_MS * self._sample_rate // 1000
        # Not in a pause: what is begun there would make the transcript of a real end wait.
        if self._current and self._segmenter.spoken_samples >= due and not self._segmenter.pausing:
            self._interims += 1
            await self._say_so_far(self._current)

    async def finalize(self) -> None:
        """End the utterance in progress now."""
        for event in self._segmenter.finish():
            await self._handle(event)

    async def finish(self) -> None:
        """End the utterance in progress and send every transcript that is still due."""
        await self.finalize()
        await self._finals.put(None)
        await asyncio.wait({self._finisher}, timeout=CLOSING_S)

    async def aclose(self) -> None:
        """Stop at once."""
        tasks = [*self._guesses, self._finisher]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, event: Event) -> None:
        if isinstance(event, Started):
            self._current = Utterance(self._arrived(event.at))
            self._started_at, self._interims, self._draft = event.at, 0, None
            self._entry.utterances.append(self._current)
            del self._entry.utterances[:-MAX_UTTERANCES]
            await self._send(self._dialect.started(event.at / self._sample_rate))
        elif isinstance(event, Paused):
            await self._pause(event)
        elif self._current:
            utterance, self._current = self._current, None
            self._pause_told = False
            utterance.speech_ended = self._arrived(event.at)
            draft = self._draft.task if self._draft and self._draft.covers == event.at else None
            for guess in self._guesses - {draft}:
                guess.cancel()
            await self._finals.put(_Final(event, utterance, draft))

    async def _pause(self, event: Paused) -> None:
        ears = self._state.senses.ears
        if self._current and self._scripted():
            if self._dialect.guesses:
                await self._send_guess(self._current, self._state.script.peek() or UNSCRIPTED)
        # Queues behind one interim guess at most: more would make a real end wait.
        elif self._current and ears.waiting <= 1:
            self._draft = _Draft(event.at, self._guess(self._current, event.pcm, ears.hear, may_end=True))

    async def _resume(self) -> None:
        self._pause_told = False
        if self._current and self._current.interims:
            await self._send(self._dialect.resumed(self._said_so_far(self._current.interims[-1].text)))

    def _arrived(self, position: int) -> float:
        """Unix seconds when the sample at `position` arrived, for sound that comes as fast as it plays."""
        return self._state.record.now() - (self._received - position) / self._sample_rate

    def _scripted(self) -> bool:
        return self._state.script.mode.exact or self._state.script.peek() is not None

    async def _say_so_far(self, utterance: Utterance) -> None:
        """Send an interim transcript, if there is one to be had without making anybody wait."""
        if self._scripted():
            words = (self._state.script.peek() or "").split()
            await self._send_interim(utterance, " ".join(words[: 2 * self._interims]))
        elif self._state.senses.ears.waiting == 0:
            self._guess(utterance, self._segmenter.spoken, self._state.senses.ears.hear_roughly)

    def _guess(self, utterance: Utterance, sound: bytes, hear: Hear, *, may_end: bool = False) -> asyncio.Task[str]:
        task = asyncio.create_task(self._hear_so_far(utterance, sound, hear, may_end=may_end))
        self._guesses.add(task)
        task.add_done_callback(self._guesses.discard)
        return task

    async def _hear_so_far(self, utterance: Utterance, sound: bytes, hear: Hear, *, may_end: bool) -> str:
        text = await hear(sound, self._sample_rate)
        if self._current is utterance:
            if may_end and self._dialect.guesses and self._segmenter.pausing:
                await self._send_guess(utterance, text)
            else:
                await self._send_interim(utterance, text)
        return text

    async def _send_interim(self, utterance: Utterance, text: str) -> None:
        if text:
            self._note(utterance, text)
            await self._send(self._dialect.interim(self._said_so_far(text)))

    async def _send_guess(self, utterance: Utterance, text: str) -> None:
        if text:
            self._note(utterance, text)
            self._pause_told = True
            await self._send(self._dialect.paused(self._said_so_far(text)))

    def _note(self, utterance: Utterance, text: str) -> None:
        self._state.record.first_byte(self._entry)
        if len(utterance.interims) < MAX_INTERIMS:
            utterance.interims.append(Interim(self._state.record.now(), text))

    def _said_so_far(self, text: str) -> Said:
        return self._said(text, self._started_at, self._segmenter.position)

    def _said(self, text: str, start: int, end: int) -> Said:
        return Said(text, start / self._sample_rate, (end - start) / self._sample_rate)

    async def _finish_utterances(self) -> None:
        try:
            while (final := await self._finals.get()) is not None:
                fault = self._state.faults.take("stt", ("slow", "cut", "hang"), vendor="deepgram")
                if fault and not await self._meet(fault):
                    continue
                final.utterance.text = await transcribe(
                    self._state, final.utterance, final.ended.pcm, self._sample_rate, final.draft
                )
                final.utterance.final = self._state.record.now()
                self._state.record.first_byte(self._entry)
                said = self._said(final.utterance.text, final.ended.started_at, final.ended.at)
                await self._send(self._dialect.ended(said))
        except ConnectionError:
            # The client left while something was being sent; the reading loop sees it too.
            return

    async def _meet(self, fault: Fault) -> bool:
        """Go through a fault; whether there will be a transcript afterwards."""
        self._entry.fault = fault.kind
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_ms / 1000)
            return True
        if fault.kind == "hang":
            self._deaf_until = asyncio.get_running_loop().time() + HANG_S
        else:
            self._state.record.close(self._entry, "error", "cut, as ordered")
            self._hang_up()
        return False
