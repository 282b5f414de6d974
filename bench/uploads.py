"""What an upload costs: the time from its last byte until it is in the conversation, the loop, and memory."""

import asyncio
import io
import os
import time
from dataclasses import dataclass, field

import cv2
import numpy as np
import psutil
from PIL import Image

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section, percentile, spread
from bench.stage import Stage, say
from bench.workers import Contender
from sandbox.caller.journal import UploadStatus

SIZE = (4032, 3024)
"""Twelve megapixels, as phones take them."""
_ORIENTATION = 0x0112
PAUSE_S = 0.5
FIRST_MEMORY = 5
"""Uploads after which everything has been used."""

UPLOADING = Contender(
    "ours-uploads", stock=False, settings={"UPLOADS__MAX_PER_MINUTE": "10000", "UPLOADS__MAX_PER_CALL": "10000"}
)
METHOD = (
    "Uploads: {count} pictures of 4032x3024 pixels ({size:.1f} MB, JPEG quality 90, on their side by EXIF) one after "
    "the other by the SDK's client, in a call without video; the job process and its decoder are pinned to one core "
    "together. From the last byte at the worker to the status `accepted`, by the worker's clock; the first of a call "
    "starts the decoder. Loop: CPU time of the longest callback that runs code of uploads or of the SDK's streams, "
    "every callback being timed. Memory: highest sum of resident memory of job process and decoder, looked at 100 "
    "times a second, and what is left of it {pause:g} s after the last."
)


@dataclass
class Watched:
    """Memory of a job process and its decoder, in MB, looked at all the time."""

    job: psutil.Process
    peak_mb: float = 0.0
    decoder_peak_mb: float = 0.0
    decoders: set[int] = field(default_factory=set)

    def look(self) -> None:
        """Take note."""
        found = []
        for child in self.job.children():
            try:
                found.append(child.memory_info().rss / 1e6)
                self.decoders.add(child.pid)
            except psutil.NoSuchProcess:
                continue
        self.decoder_peak_mb = max([self.decoder_peak_mb, *found])
        self.peak_mb = max(self.peak_mb, self.job.memory_info().rss / 1e6 + sum(found))

    async def watch(self) -> None:
        """For as long as nobody cancels."""
        while True:
            self.look()
            await asyncio.sleep(0.01)


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Upload in one call."""
    photo = await asyncio.to_thread(phone_photo)
    async with stage.worker(UPLOADING, timed=True) as worker, open_call(stage, worker, None) as call:
        _pin(call.pid)
        watched = Watched(psutil.Process(call.pid))
        watched.look()
        before_mb = watched.peak_mb
        watching = asyncio.create_task(watched.watch())
        began = time.time()
        for number in range(1, plan.uploads + 1):
            await _upload(call, photo)
            if number % 10 == 0 or number == plan.uploads:
                say(f"uploads: {number} of {plan.uploads}, {watched.peak_mb:.0f} MB at the peak")
            await asyncio.sleep(PAUSE_S)
        turn = await call.ask()
        watching.cancel()
        after_mb = call.rss_mb()
        check(len(turn.images) == 3, f"the request after the uploads held {len(turn.images)} pictures")
        lines = worker.logged("upload_accepted")
        stalls = [line for line in worker.logged("callbacks") if line["pid"] == call.pid and line["at"] > began]
    check(len(lines) == plan.uploads, f"{len(lines)} of {plan.uploads} uploads were accepted")
    first, *rest = [float(line["accepted_ms"]) for line in lines]
    longest = max(float(line.get("vision_cpu_ms", 0.0)) for line in stalls)
    other = max(float(line.get("other_cpu_ms", 0.0)) for line in stalls)
    goal = percentile(rest, 95) < 150
    rows = [
        Row(
            "upload of 12 megapixels: last byte to `accepted`, on one core",
            "-",
            spread(rest, "ms"),
            "under 150 ms",
            goal,
        ),
        Row("the same, of a call's first upload", "-", f"{first:.0f} ms", "under 150 ms", first < 150),
        Row(
            "longest callback of the event loop for uploads",
            "-",
            f"{longest:.1f} ms CPU (other: {other:.1f})",
            "under 5 ms",
            longest < 5,
        ),
        Row(
            "memory of job process and decoder during uploads",
            "-",
            f"{watched.peak_mb:.0f} MB at the peak ({before_mb:.0f} before; job process {after_mb:.0f} after "
            f"{plan.uploads}), of it {watched.decoder_peak_mb:.0f} MB in the decoder",
        ),
    ]
    return [Section(rows, METHOD.format(count=plan.uploads, size=len(photo) / 1e6, pause=PAUSE_S))]


def _pin(pid: int) -> None:
    """To one core: every thread, and so whatever they start."""
    core = min(os.sched_getaffinity(pid))
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {core})


async def _upload(call: Call, photo: bytes) -> None:
    stream_id = await call.caller.upload(photo, "photo.jpg")
    status = await call.caller.journal.wait_for(
        UploadStatus, where=lambda event: event.data["stream_id"] == stream_id, timeout_s=60
    )
    check(status.data["status"] == "accepted", f"an upload was refused: {status.data}")


def phone_photo() -> bytes:
    """Something like a phone's photo: soft shapes, edges, a sensor's noise; stored on its side."""
    dice = np.random.default_rng(1)
    width, height = SIZE
    picture = np.zeros((height, width, 3), np.float32)
    for edge in (width // 3, width // 12, width // 48):
        coarse = dice.uniform(-60, 60, (height // edge + 2, width // edge + 2, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    picture += 128 + dice.normal(0, 7, picture.shape).astype(np.float32)
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    out = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()
