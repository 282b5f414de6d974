"""Sound as the body of an answer: raw, WAV or MP3, made piece by piece."""

import io
import struct
from typing import Protocol

import av

MIME = {"pcm": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}
"""The formats, and what they are called."""

_ENDLESS = 0xFFFFFFFF
"""In place of a length in a WAV header: it is not known yet."""


class Encoder(Protocol):
    """Takes mono s16le sound and gives the bytes of a file."""

    def push(self, sound: bytes) -> bytes:
        """What can be sent of it by now."""

    def finish(self) -> bytes:
        """The rest."""


class Raw:
    """As it is, after a header if there is one."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def push(self, sound: bytes) -> bytes:
        """All of it."""
        header, self._header = self._header, b""
        return header + sound

    def finish(self) -> bytes:
        """Nothing is left, except the header of no sound at all."""
        return self.push(b"")


class Mp3:
    """As MP3, 64 kbit/s."""

    def __init__(self, sample_rate: int) -> None:
        """Sound of `sample_rate` hertz."""
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"})
        self._stream = self._container.add_stream("libmp3lame", rate=sample_rate, layout="mono", bit_rate=64_000)
        self._sample_rate = sample_rate

    def push(self, sound: bytes) -> bytes:
        """What the encoder has finished of it; it keeps some 50 ms back."""
        frame = av.AudioFrame("s16", "mono", len(sound) // 2)
        frame.planes[0].update(sound)
        frame.sample_rate = self._sample_rate
        self._container.mux(self._stream.encode(frame))
        return self._take()

    def finish(self) -> bytes:
        """The rest."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._take()

    def _take(self) -> bytes:
        made = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return made


def encoder(name: str, sample_rate: int) -> Encoder:
    """The encoder of a format of `MIME`, for sound of `sample_rate` hertz."""
    if name == "mp3":
        return Mp3(sample_rate)
    return Raw(_wav_header(sample_rate) if name == "wav" else b"")


def _wav_header(sample_rate: int) -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    riff = b"RIFF" + struct.pack("<I", _ENDLESS) + b"WAVE"
    return riff + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", _ENDLESS)
