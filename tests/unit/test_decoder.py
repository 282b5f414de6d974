"""The decoder's process: what it answers, what it may not do, and how it ends."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from agent.errors import UploadError
from agent.uploads.decoder import Decoder
from agent.uploads.decoder_wire import read, write
from agent.uploads.image import READ
from agent.uploads.limits import Limits
from tests.corpus import FATAL, FOLDER, OUTCOMES, Accepted

LIMITS = Limits(max_pixels=1_000_000, max_width=200, max_height=200, quality=80, max_bytes=100_000)
GOOD = (FOLDER / "good.jpg").read_bytes()
ROOT = Path(__file__).parents[2]

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and the limits are the Linux kernel's")

BOMBS = [
    name for name in OUTCOMES if ("0000x60000" in name or "webp_vp8" in name) and ("HEIF" in READ or "heic" not in name)
]

Starter = Callable[..., Decoder]


@pytest.fixture
async def start() -> AsyncIterator[Starter]:
    """Makes decoders with small limits, and closes them."""
    made: list[Decoder] = []

    def starter(limits: Limits = LIMITS, **options: Any) -> Decoder:
        made.append(Decoder(limits, **{"timeout_s": 60.0, "memory_bytes": 1_000_000_000, **options}))
        return made[-1]

    yield starter
    for decoder in made:
        await decoder.aclose()


def child(decoder: Decoder) -> psutil.Process:
    """The decoder's process."""
    assert decoder._process is not None
    return psutil.Process(decoder._process.pid)


def children() -> list[int]:
    """The decoders of this test run, zombies too."""
    return [process.pid for process in psutil.Process().children()]


async def refused(cleaning: Awaitable[object]) -> UploadError:
    """How a picture is refused."""
    with pytest.raises(UploadError) as caught:
        await cleaning
    return caught.value


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; the test's own time limit says that it does not come."""
    while not condition():  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.005)


def slow_picture() -> bytes:
    """50 million pixels, worked through anew for each of twenty thousand empty scans: minutes."""
    data = (FOLDER / "jpg_1000_scans.jpg").read_bytes()
    at = data.index(b"\xff\xc2") + 5
    scans = bytes.fromhex("ffda 0008 01 01 00 01 3f 10") * 20_000
    return data[:at] + b"\x1b\x58\x1b\x58" + data[at + 4 : -2] + scans + data[-2:]


SLOW = slow_picture()
LARGE = Limits(max_pixels=50_000_000, max_width=200, max_height=200, quality=80, max_bytes=100_000)


def large_png() -> bytes:
    """100 MB when it is read."""
    out = io.BytesIO()
    Image.new("RGB", (5000, 5000), "red").save(out, "PNG")
    return out.getvalue()


async def test_picture_in_pieces_comes_back(start: Starter) -> None:
    """As bytes from a stream do."""
    decoder = start()
    picture = await decoder.clean([GOOD[:100], bytearray(GOOD[100:101]), b"", GOOD[101:]])
    assert (picture.kind, picture.image.width, picture.image.height) == ("JPEG", 96, 64)
    assert picture.image.mime == "image/jpeg"
    with Image.open(io.BytesIO(picture.image.data)) as image:
        assert image.size == (96, 64)


async def test_one_process_answers_for_the_whole_corpus_as_the_table_says(start: Starter) -> None:
    """What a reader imports late, a confined process can not import; and no file takes it down."""
    decoder = start()
    await decoder.warm()
    process = child(decoder)
    found: dict[str, str] = {}
    names = [name for name in OUTCOMES if name not in FATAL and ("HEIF" in READ or "heic" not in name)]
    for name in names:
        try:
            picture = await decoder.clean([(FOLDER / name).read_bytes()])
        except UploadError as error:
            found[name] = error.code
        else:
            found[name] = f"{picture.kind} {picture.image.width}x{picture.image.height}"
    expected = {
        name: f"{outcome.kind} {outcome.width}x{outcome.height}" if isinstance(outcome, Accepted) else outcome
        for name, outcome in OUTCOMES.items()
        if name in names
    }
    assert found == expected
    assert child(decoder) == process


async def test_pictures_take_their_turns(start: Starter) -> None:
    """One process reads them, whoever asks at once."""
    decoder = start()
    names = ["good.jpg", "text.jpg", "good.png", "good.gif", "png_60000x60000.png", "good.webp"]
    cleaning = [decoder.clean([(FOLDER / name).read_bytes()]) for name in names]
    done = await asyncio.gather(*cleaning, return_exceptions=True)
    assert [one.code if isinstance(one, UploadError) else getattr(one, "kind", one) for one in done] == [
        *("JPEG", "unsupported_type", "PNG", "GIF", "too_many_pixels", "WEBP")
    ]
    assert len(children()) == 1


async def test_message_of_a_refusal_crosses_the_pipe(start: Starter) -> None:
    """The sender reads it."""
    error = await refused(start().clean([b"%PDF-1.7"]))
    assert error.code == "unsupported_type"
    assert "a PDF" in str(error)


async def test_process_that_was_killed_is_replaced(start: Starter) -> None:
    """Between two pictures nobody notices."""
    decoder = start()
    await decoder.warm()
    before = child(decoder)
    before.kill()
    await until(lambda: before.status() == psutil.STATUS_ZOMBIE)
    assert (await decoder.clean([GOOD])).kind == "JPEG"
    assert child(decoder) != before


async def test_process_that_dies_of_a_picture_is_replaced(start: Starter) -> None:
    """That picture is refused, and the next one is read."""
    decoder = start(LARGE)
    await decoder.warm()
    before = child(decoder)
    cleaning = asyncio.create_task(refused(decoder.clean([SLOW])))
    await until(lambda: before.cpu_times().user + before.cpu_times().system > 0.5)
    before.send_signal(signal.SIGSEGV)
    assert (await cleaning).code == "damaged"
    assert (await decoder.clean([GOOD])).kind == "JPEG"
    assert before.pid not in children()


@pytest.mark.skipif("HEIF" not in READ, reason="pi-heif is an extra and not installed")
@pytest.mark.parametrize("name", sorted(FATAL))
async def test_file_that_crashes_its_reader_is_refused(start: Starter, name: str) -> None:
    """Not the worker: the next picture is read."""
    decoder = start()
    assert (await refused(decoder.clean([(FOLDER / name).read_bytes()]))).code == OUTCOMES[name]
    assert (await decoder.clean([GOOD])).kind == "JPEG"


async def test_picture_that_takes_too_long_is_too_complex(start: Starter) -> None:
    """Its process is ended, and the next picture is read by another."""
    decoder = start(LARGE, timeout_s=1.0)
    await decoder.warm()
    before = child(decoder)
    error = await refused(decoder.clean([SLOW]))
    assert error.code == "too_complex"
    assert "1 second" in str(error)
    assert not before.is_running()
    assert (await decoder.clean([GOOD])).kind == "JPEG"


@linux
@pytest.mark.parametrize("name", ["large", *BOMBS])
async def test_picture_takes_no_more_memory_than_it_may(start: Starter, name: str) -> None:
    """By the kernel's own account of the most that it had."""
    decoder = start(LARGE, memory_bytes=60_000_000)
    await decoder.warm()
    await decoder.clean([GOOD])
    before = peak_bytes(child(decoder).pid)
    process = child(decoder)
    error = await refused(decoder.clean([large_png() if name == "large" else (FOLDER / name).read_bytes()]))
    assert error.code == ("too_complex" if name == "large" else "too_many_pixels")
    assert peak_bytes(process.pid) - before < (60_000_000 if name == "large" else 10_000_000)
    assert (await decoder.clean([GOOD])).kind == "JPEG"


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever had (proc(5), `status`)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


@linux
async def test_process_knows_nothing_of_the_workers_environment(start: Starter) -> None:
    """Its keys are there."""
    assert os.environ
    decoder = start()
    await decoder.clean([GOOD])
    assert child(decoder).environ() == {}


@linux
async def test_process_can_open_nothing(start: Starter) -> None:
    """No file, no socket, no pipe: no number is left for one, nor may a file that it has grow."""
    decoder = start()
    await decoder.clean([GOOD])
    process = child(decoder)
    assert process.num_fds() == 3
    assert process.rlimit(psutil.RLIMIT_NOFILE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert process.nice() == 10
    written = await asyncio.to_thread(Path(f"/proc/{process.pid}/oom_score_adj").read_text, encoding="ascii")
    assert written == "1000\n"
    if "HEIF" not in READ:
        assert process.rlimit(psutil.RLIMIT_NPROC) == (0, 0)


@linux
def test_confined_process_finds_that_it_can_open_nothing() -> None:
    """By trying."""
    tries = """
import errno, os, socket
from agent.uploads.decoder_main import _confine
_confine(1_000_000_000)
os.close(2)  # whose number is free now
for opening in (lambda: open("/dev/null"), socket.socket, os.pipe, lambda: os.open("/", os.O_RDONLY)):
    try:
        opening()
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", tries], cwd=ROOT, env={}, capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["EMFILE"] * 4


@linux
@pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="only root can become somebody else")
def test_every_kind_is_read_by_a_process_that_is_not_root() -> None:
    """The kernel holds root to no limit of processes, and counts a reader's thread as one."""
    tries = """
import sys
from agent.uploads.decoder_main import _confine
from agent.uploads.image import clean
from agent.uploads.limits import Limits
import encodings.ascii, os
files = [open(name, "rb").read() for name in sys.argv[1:]]
os.setgid(65534)
os.setuid(65534)
_confine(1_000_000_000)
for data in files:
    print(clean(data, Limits(1_000_000, 200, 200, 80, 100_000)).kind)
"""
    names = [f"good.{end}" for end in ("jpg", "png", "webp", "gif", "avif", "heic") if end != "heic" or "HEIF" in READ]
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", tries, *(str(FOLDER / name) for name in names)],
        cwd=ROOT, env={}, capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"][: len(names)], done.stderr


async def test_idle_process_ends(start: Starter) -> None:
    """And another is started when it is wanted."""
    decoder = start(idle_s=0.0)
    assert (await decoder.clean([GOOD])).kind == "JPEG"
    await until(lambda: not children())
    assert (await decoder.clean([GOOD])).kind == "JPEG"


async def test_warm_process_is_the_one_that_reads(start: Starter) -> None:
    """Warming up twice starts no second one."""
    decoder = start()
    await asyncio.gather(decoder.warm(), decoder.warm())
    before = child(decoder)
    await decoder.clean([GOOD])
    assert child(decoder) == before
    assert children() == [before.pid]


def spawned() -> subprocess.Popen[bytes]:
    """A decoder's process of our own."""
    return subprocess.Popen(
        [sys.executable, "-m", "agent.uploads.decoder_main", "60", "1000000000"],
        cwd=ROOT, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_process_ends_when_its_pipe_does() -> None:
    """Whatever became of the worker."""
    with spawned() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        limits = {"max_pixels": 10**6, "max_width": 200, "max_height": 200, "quality": 80, "max_bytes": 100_000}
        assert read(process.stdout, limit=100) == ({}, b"")
        write(process.stdin, limits, [GOOD])
        assert read(process.stdout, limit=100_000)[0] == {"width": 96, "height": 64, "kind": "JPEG"}
        process.stdin.close()
        assert process.wait() == 0


def test_process_ends_when_its_pipe_does_within_a_message() -> None:
    """Half a picture is no picture."""
    with spawned() as process:
        assert process.stdin is not None
        process.stdin.write(b"\0\0\0\2\0\0\1\0{}" + GOOD[:50])
        process.stdin.close()
        assert process.wait() == 0


async def test_cancelling_leaves_no_process_and_the_next_picture_is_read(start: Starter) -> None:
    """A caller who leaves does not pay for what nobody waits for."""
    decoder = start(LARGE)
    await decoder.warm()
    before = child(decoder)
    cleaning = asyncio.create_task(decoder.clean([SLOW]))
    await until(lambda: before.cpu_times().user + before.cpu_times().system > 0.5)
    cleaning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cleaning
    assert (await decoder.clean([GOOD])).kind == "JPEG"
    await decoder.aclose()
    assert children() == []


async def test_cancelling_at_any_moment_of_the_start_leaves_one_process_at_most(start: Starter) -> None:
    """A process that is being started while nobody waits any more is used by the next, or ended."""
    decoder = start()
    for steps in range(12):
        cleaning = asyncio.create_task(decoder.clean([GOOD]))
        for _ in range(steps):
            await asyncio.sleep(0)
        cleaning.cancel()
        await asyncio.wait([cleaning])
    assert (await decoder.clean([GOOD])).kind == "JPEG"
    await until(lambda: len(children()) == 1)
    await decoder.aclose()
    assert children() == []


async def test_closing_leaves_no_process_not_even_a_dead_one(start: Starter) -> None:
    """After a picture, while one is read, while one is started, and twice."""
    decoder = start(LARGE)
    await decoder.clean([GOOD])
    assert len(children()) == 1
    await decoder.aclose()
    assert children() == []
    await decoder.warm()
    process = child(decoder)
    cleaning = asyncio.create_task(refused(decoder.clean([SLOW])))
    await until(lambda: process.cpu_times().user + process.cpu_times().system > 0.5)
    await decoder.aclose()
    assert (await cleaning).code == "damaged"
    assert children() == []
    starting = asyncio.create_task(decoder.warm())
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    await decoder.aclose()
    await decoder.aclose()
    assert children() == []
