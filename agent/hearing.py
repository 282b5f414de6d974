"""The session's hearing, opened and closed: with the little of the framework that it needs and that is not public.

Held by `tests/room/test_push_to_talk.py`.
"""

import time

from livekit.agents import AgentSession, UserInputTranscribedEvent
from livekit.agents.utils.audio import silence_frame
from livekit.agents.voice.audio_recognition import AudioRecognition

from config.turn import TurnSettings

_FRAME_S = 0.1


class Hearing:
    """What the caller says is heard while it is open, and nothing while it is closed."""

    def __init__(self, session: AgentSession[None], turn: TurnSettings):
        self._session = session
        self._silence_s = turn.min_silence_s + 0.3
        self._words_at = 0.0

    def register(self) -> None:
        """Close it, before the session starts, and follow what is heard."""
        self._session.input.set_audio_enabled(False)
        self._session.on("user_input_transcribed", self._on_words)

    def aclose(self) -> None:
        """Follow no more."""
        self._session.off("user_input_transcribed", self._on_words)

    def open(self) -> None:
        """Hear from now on; what was heard before is forgotten."""
        self._session.clear_user_turn()
        self._session.input.set_audio_enabled(True)

    def close(self) -> None:
        """Hear no more; the last words may still be on their way."""
        self._session.input.set_audio_enabled(False)

    def forget(self) -> None:
        """Hear no more, and drop what was heard."""
        self.close()
        self._session.clear_user_turn()
        # Speech that was cut off would go on for ever: the detector hears its end only in a silence.
        recognition = self._recognition
        if recognition is not None and recognition._sample_rate:  # noqa: SLF001
            silence = silence_frame(_FRAME_S, recognition._sample_rate)  # noqa: SLF001
            for _ in range(round(self._silence_s / _FRAME_S)):
                recognition._push_audio(silence)  # noqa: SLF001

    @property
    def words_pending(self) -> bool:
        """Whether somebody has spoken since the last words came."""
        spoken_at = self._recognition and self._recognition._last_speaking_time  # noqa: SLF001
        return bool(spoken_at and spoken_at > self._words_at)

    @property
    def words_age_s(self) -> float:
        """Seconds since the last words came."""
        return time.time() - self._words_at

    @property
    def _recognition(self) -> AudioRecognition | None:
        activity = self._session._activity  # noqa: SLF001
        return None if activity is None else activity._audio_recognition  # noqa: SLF001

    def _on_words(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final:
            self._words_at = time.time()
