"""Decodes pictures in a process of its own, which a bad file cannot leave and may take down with it."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, cast, get_args

import structlog

from agent.errors import UploadCode, UploadError
from agent.uploads.decoder_wire import read, write
from agent.uploads.kind import KINDS
from agent.uploads.limits import Limits
from agent.vision.encoded import EncodedImage
from config.uploads import UploadSettings
from config.vision import VisionSettings

log = structlog.stdlib.get_logger(__name__)

_IDLE_S = 60.0
"""Most calls see no upload, and few see one after the other: a decoder that waits takes 30 MB."""
_ROOT = Path(__file__).parents[2]
_START_S = 30.0
_OVERHEAD = 100_000
"""Bytes of an answer beside its picture."""
_MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """A verified picture.

    Attributes:
        image: Upright, fitted, without any of the sender's metadata.
        kind: What the file really was, such as `JPEG`.
    """

    image: EncodedImage
    kind: str


class Decoder:
    """One process at most, started when it is wanted and ended when it was idle; one picture at a time.

    Confined by `agent.uploads.decoder_main`. It is given none of the worker's environment, so it knows no key.
    """

    def __init__(self, limits: Limits, *, timeout_s: float, memory_bytes: int, idle_s: float = _IDLE_S):
        """`timeout_s` and `memory_bytes` (beyond what the idle process has) are for one picture."""
        self._limits = limits
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._idle_s = idle_s
        self._turn = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[subprocess.Popen[bytes]] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, uploads: UploadSettings, vision: VisionSettings) -> Self:
        """As the settings say."""
        limits = Limits(uploads.max_pixels, uploads.max_width, uploads.max_height, uploads.quality, vision.max_bytes)
        return cls(limits, timeout_s=uploads.decode_timeout_s, memory_bytes=uploads.decode_memory_mb * 1_000_000)

    async def warm(self) -> None:
        """Have the process started while the picture is still on its way."""
        async with self._turn:
            try:
                await self._ready()
            finally:
                self._rest()

    async def clean(self, data: Sequence[bytes | bytearray]) -> Picture:
        """Check and clean a picture, whose file is these pieces in a row.

        Raises:
            UploadError: `unsupported_type`, `too_many_pixels`, `damaged`, `too_complex`, or `failed` if no process can
                be started.
        """
        async with self._turn:
            try:
                return await self._cleaned(await self._ready(), data)
            finally:
                self._rest()

    async def aclose(self) -> None:
        """End the process."""
        self._dismiss()
        if self._starting is not None:
            await asyncio.wait([self._starting])
        await self._end()
        await asyncio.gather(*self._leaving)

    async def _ready(self) -> subprocess.Popen[bytes]:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None and self._process.poll() is not None:
            await self._end()  # it died while it waited: its pipes are left
        if self._process is None and self._starting is None:
            self._starting = asyncio.create_task(self._begin())
            self._starting.add_done_callback(self._begun)
        if self._starting is not None:
            return await asyncio.shield(self._starting)
        assert self._process is not None
        return self._process

    async def _begin(self) -> subprocess.Popen[bytes]:
        """In a task of its own: a start that nobody waits for any more still ends with a process that is known."""
        try:
            process = self._process = await asyncio.to_thread(self._start)
            async with asyncio.timeout(_START_S):
                await asyncio.to_thread(_greeted, process)
        except (EOFError, OSError, ValueError) as error:  # of them, a TimeoutError is an OSError
            await self._end()
            log.error("decoder_not_started", error=type(error).__name__)  # noqa: TRY400 - whatever it is, it tells nothing
            raise UploadError("failed", "Pictures can't be read here at the moment.") from None
        return process

    def _begun(self, starting: asyncio.Task[subprocess.Popen[bytes]]) -> None:
        self._starting = None
        if not starting.cancelled():
            starting.exception()  # known, whether or not anybody waits

    async def _cleaned(self, process: subprocess.Popen[bytes], data: Sequence[bytes | bytearray]) -> Picture:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.to_thread(self._exchange, process, data)
        except TimeoutError:
            await self._end()
            message = f"The picture takes over {self._timeout_s:g} seconds to read, which is the limit."
            raise UploadError("too_complex", message) from None
        except (EOFError, OSError, ValueError) as error:
            await self._end()
            log.warning("decoder_died", exit_code=process.returncode, error=type(error).__name__)
            raise UploadError("damaged", "The picture is damaged and can't be read.") from None
        except asyncio.CancelledError:
            self._dismiss()  # the thread that waits for an answer must not wait on
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-B", "-m", "agent.uploads.decoder_main", str(self._timeout_s), str(self._memory_bytes)],
            cwd=_ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what readers of pictures print about them is nobody's log line
        )

    def _exchange(self, process: subprocess.Popen[bytes], data: Sequence[bytes | bytearray]) -> Picture:
        """In a thread: all of it blocks."""
        assert process.stdin is not None
        assert process.stdout is not None
        write(process.stdin, asdict(self._limits), data)
        answer, file = read(process.stdout, limit=self._limits.max_bytes + _OVERHEAD)
        return _picture(answer, file, self._limits)

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._dismiss)

    async def _end(self) -> None:
        if (leaving := self._dismiss()) is not None:
            await asyncio.shield(leaving)

    def _dismiss(self) -> asyncio.Task[None] | None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()  # it holds nothing that would need an orderly end
        leaving = asyncio.create_task(asyncio.to_thread(_reap, process))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return leaving


def _greeted(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    read(process.stdout, limit=_OVERHEAD)


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not written yet has nowhere to go
                pipe.close()


def _picture(answer: dict[str, Any], file: bytes, limits: Limits) -> Picture:
    """What the decoder answered, believed only as far as it makes sense: hostile bytes may have taken it over.

    Raises:
        UploadError: If it refused the picture.
        ValueError: If it makes no sense.
    """
    match answer:
        case {"code": str(code), "message": str(message)} if code in get_args(UploadCode):
            raise UploadError(cast("UploadCode", code), message[:_MAX_MESSAGE])
        case {"width": int(width), "height": int(height), "kind": str(kind)} if (
            0 < width <= limits.max_width and 0 < height <= limits.max_height and kind in KINDS
        ):
            image = EncodedImage(file, "image/jpeg", width, height, sha256(file).hexdigest())
            _ = image.data_url  # made here, in the thread, and kept
            return Picture(image, kind)
        case _:
            raise ValueError("an answer that makes no sense")
