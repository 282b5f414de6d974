"""What Deepgram's flux models send: turns, with a guess at their end before they are sure of it.

The real model judges by words and melody too. This one goes by silence alone: the surer it is to be, the longer
it waits. It stands in for the protocol, not for the judgement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sandbox.stt.dialect import Message, Said
from sandbox.stt.nova import PAUSE_MS
from sandbox.tts.sentences import word_times

CONFIDENCE = 0.98

_LIMITS = {"eot_threshold": (0.5, 0.9), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 10_000)}
"""As the provider documents them."""


class BadThresholdError(ValueError):
    """A threshold that the provider would refuse; the message says what was found and what is allowed."""


def silence_ms(confidence: float) -> int:
    """Silence after which the end of a turn is this certain: 200 ms for 0.5, 400 for 0.7, 600 for 0.9."""
    return max(PAUSE_MS, round(1_000 * confidence - 300))


@dataclass(frozen=True)
class Thresholds:
    """When a turn has ended, as the client asked for it."""

    eot_threshold: float = 0.7
    """Certainty at which a turn has ended."""
    eager_eot_threshold: float | None = None
    """Certainty at which its end is worth a guess; None: no guesses are sent."""
    eot_timeout_ms: int = 5_000
    """Silence that ends a turn in any case."""

    def changed(self, values: Mapping[str, Any]) -> Self:
        """These thresholds with those in `values` changed.

        Raises:
            BadThresholdError: One is no number, or out of its bounds.
        """
        changes: dict[str, float] = {}
        for name, (least, most) in _LIMITS.items():
            if name not in values:
                continue
            try:
                changes[name] = float(values[name])
            except (TypeError, ValueError):
                raise BadThresholdError(f"{name} is {values[name]!r}, it must be a number") from None
            if not least <= changes[name] <= most:
                raise BadThresholdError(f"{name} is {values[name]!r}, it must be from {least} to {most}")
        return replace(self, **changes)  # type: ignore[arg-type]  # a float of milliseconds serves as well

    @property
    def end_ms(self) -> int:
        """Silence that ends a turn."""
        return int(min(silence_ms(self.eot_threshold), self.eot_timeout_ms))

    @property
    def pause_ms(self) -> int:
        """Silence that is worth a guess."""
        return min(PAUSE_MS if self.eager_eot_threshold is None else silence_ms(self.eager_eot_threshold), self.end_ms)


class Flux:
    """The dialect of `/v2/listen`."""

    def __init__(self, request_id: str, thresholds: Thresholds) -> None:
        """Decide by `thresholds`, which `configure` may change."""
        self._request_id = request_id
        self._thresholds = thresholds
        self._turn = -1
        self._sent = 0
        self._obey()

    def connected(self) -> Message:
        """The first message of a stream."""
        return self._message("Connected")

    def configure(self, order: Mapping[str, Any]) -> Message:
        """Take a `Configure` message, and answer it."""
        wanted = order.get("thresholds") or {}
        try:
            self._thresholds = self._thresholds.changed(wanted)
        except BadThresholdError as error:
            return self._message("ConfigureFailure", description=str(error))
        self._obey()
        return self._message("ConfigureSuccess", thresholds=dict(wanted))

    def started(self, at_s: float) -> Message:
        """A turn begins."""
        self._turn += 1
        return self._turn_info("StartOfTurn", Said("", at_s, 0.0), 0.0)

    def interim(self, said: Said) -> Message:
        """The words so far."""
        return self._turn_info("Update", said, 0.1)

    def paused(self, said: Said) -> Message:
        """A guess that the turn ends here."""
        return self._turn_info("EagerEndOfTurn", said, self._thresholds.eager_eot_threshold or 0.0)

    def resumed(self, said: Said) -> Message:
        """The guess was wrong."""
        return self._turn_info("TurnResumed", said, 0.1)

    def ended(self, said: Said) -> Message:
        """The turn has ended."""
        return self._turn_info("EndOfTurn", said, self._thresholds.eot_threshold)

    def _obey(self) -> None:
        self.hangover_ms = self._thresholds.end_ms
        self.pause_ms = self._thresholds.pause_ms
        self.guesses = self._thresholds.eager_eot_threshold is not None

    def _turn_info(self, event: str, said: Said, certainty: float) -> Message:
        times = word_times(said.text, said.start_s, said.length_s)
        words = [
            {"word": word, "start": start, "end": end, "confidence": CONFIDENCE}
            for word, start, end in zip(times.words, times.start, times.end, strict=True)
        ]
        return self._message(
            "TurnInfo",
            event=event,
            turn_index=self._turn,
            audio_window_start=round(said.start_s, 3),
            audio_window_end=round(said.start_s + said.length_s, 3),
            transcript=said.text,
            words=words,
            end_of_turn_confidence=certainty,
        )

    def _message(self, kind: str, **more: object) -> Message:
        self._sent += 1
        return {"type": kind, "request_id": self._request_id, "sequence_id": self._sent - 1, **more}
