"""What Deepgram's nova models send: transcripts, and nothing about turns."""

from sandbox.stt.dialect import Message, Said
from sandbox.tts.sentences import word_times

CONFIDENCE = 0.98

PAUSE_MS = 100


class Nova:
    """The dialect of `/v1/listen`."""

    def __init__(self, request_id: str, hangover_ms: int) -> None:
        """An utterance ends after `hangover_ms` milliseconds of silence."""
        self.hangover_ms = hangover_ms
        self.pause_ms = PAUSE_MS
        self.guesses = False
        self._request_id = request_id

    def started(self, at_s: float) -> Message:
        """Somebody began to speak, `at_s` seconds into the stream."""
        return {"type": "SpeechStarted", "channel": [0], "timestamp": round(at_s, 3)}

    def interim(self, said: Said) -> Message:
        """The words so far, while the speech goes on."""
        return self._results(said, final=False)

    def paused(self, said: Said) -> Message:
        """No other than any words so far: nova says nothing about turns."""
        return self.interim(said)

    def resumed(self, said: Said) -> Message:
        """The same."""
        return self.interim(said)

    def ended(self, said: Said) -> Message:
        """The words, for good."""
        return self._results(said, final=True)

    def _results(self, said: Said, *, final: bool) -> Message:
        times = word_times(said.text, said.start_s, said.length_s)
        words = [
            {
                "word": word.strip(".,!?;:").lower(),
                "punctuated_word": word,
                "start": start,
                "end": end,
                "confidence": CONFIDENCE,
            }
            for word, start, end in zip(times.words, times.start, times.end, strict=True)
        ]
        confidence = CONFIDENCE if said.text else 0.0
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "start": round(said.start_s, 3),
            "duration": round(said.length_s, 3),
            "is_final": final,
            "speech_final": final,
            "channel": {"alternatives": [{"transcript": said.text, "confidence": confidence, "words": words}]},
            "metadata": {
                "request_id": self._request_id,
                "model_info": {"name": "sandbox", "version": "1", "arch": "sandbox"},
            },
        }
