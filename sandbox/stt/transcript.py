"""Messages that a Deepgram stream sends."""

from typing import Any

from sandbox.tts.sentences import word_times

CONFIDENCE = 0.98


def speech_started(at_s: float) -> dict[str, Any]:
    """Somebody began to speak, `at_s` seconds into the stream."""
    return {"type": "SpeechStarted", "channel": [0], "timestamp": round(at_s, 3)}


def results(text: str, *, request_id: str, start_s: float, length_s: float, final: bool) -> dict[str, Any]:
    """A transcript of the stream from `start_s` on, `length_s` long, both in seconds."""
    times = word_times(text, start_s, length_s)
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
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": round(start_s, 3),
        "duration": round(length_s, 3),
        "is_final": final,
        "speech_final": final,
        "channel": {"alternatives": [{"transcript": text, "confidence": CONFIDENCE if text else 0.0, "words": words}]},
        "metadata": {"request_id": request_id, "model_info": {"name": "sandbox", "version": "1", "arch": "sandbox"}},
    }
