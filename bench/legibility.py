"""`python -m bench.legibility`: what is left of 12-pixel text on a shared screen, by size, format and quality.

A page of interface text, dark on light and light on dark, is made a frame as a decoder leaves it, encoded, and read
back by the sandbox's OCR model. The defaults `VISION__SCREEN_*` are chosen from this table.
"""

import random
import re
import statistics
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rapidocr_onnxruntime import RapidOCR

from agent.vision.encode import encode_frame
from agent.vision.encoded import EncodedImage
from agent.vision.frame import Frame
from agent.vision.target import Target
from config.vision import PictureFormat

FONT_PX = 12
"""Font size, as the small print of most interfaces; its capitals are 9 pixels high, its x 6."""
PITCH_PX = 20
COLUMN_PX = 360
READ_LINES = 16
"""Lines that are read, of each theme: reading costs far more than encoding."""
READABLE = 0.98
INKS = (("#1f2328", "#ffffff"), ("#d4d4d4", "#1e1e1e"))
"""Text and ground: a light and a dark theme."""
WORDS = re.findall(
    "[a-z]+",
    """
    account archive balance browser calendar cancel channel comment confirm contract customer decline default deliver
    deposit details discount document download duplicate export failure filter folder forward general history import
    invoice language license location machine manager message minimum network number options overdue package payment
    pending preview printer private product profile project quality receipt recover refresh release report request
    restore schedule search section security settings shipping standard storage subject summary support template
    transfer upgrade version warehouse warning weekly
    """,
)
PLAN: dict[tuple[int, int], tuple[tuple[int, PictureFormat, int], ...]] = {
    (1920, 1080): (
        (1920, "png", 75),
        *((edge, "jpeg", 75) for edge in (1920, 1600, 1440, 1280, 1024)),
        *((1920, "jpeg", quality) for quality in (60, 45, 30)),
        *((1920, "webp", quality) for quality in (75, 30)),
    ),
    (2560, 1440): (
        (2560, "png", 75),
        *((edge, "jpeg", 75) for edge in (2560, 2048, 1920, 1600)),
        *((2560, "jpeg", quality) for quality in (60, 45)),
        (2048, "png", 75),
        (2048, "jpeg", 60),
    ),
    (3840, 2160): (
        (3840, "png", 75),
        *((edge, "jpeg", 75) for edge in (3840, 2560, 1920)),
        (2560, "png", 75),
        *((2560, "jpeg", quality) for quality in (90, 60)),
    ),
}
"""For each screen: the longer edge, the format and the quality; the first is lossless."""


@dataclass(frozen=True)
class Page:
    """A screen full of text.

    Attributes:
        frame: As decoded.
        lines: Words of each line to be read, of the light column and then of the dark one, from the top.
        left: Pixels, of the two columns that are read.
        top: Pixels, likewise.
    """

    frame: Frame
    lines: tuple[tuple[tuple[str, ...], ...], ...]
    left: int
    top: int


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        screen: Width and height of the screen, in pixels.
        image: What was made of it.
        quality: As encoded; `None` for lossless.
        encode_ms: The least of the repeats: what else the machine did is no part of it.
        read: Share of the words read right, dark on light and light on dark.
    """

    screen: tuple[int, int]
    image: EncodedImage
    quality: int | None
    encode_ms: float
    read: tuple[float, float]


def main() -> int:
    """Measure everything and print the table.

    Raises:
        ValueError: If a page can't be read without any loss: then nothing below would be the encoder's doing.
    """
    reader = RapidOCR(intra_op_num_threads=2)
    sys.stdout.write("| screen | picture | format | quality | kB | encode ms | dark on light | light on dark |\n")
    sys.stdout.write(f"|{' --- |' * 8}\n")
    for (width, height), tries in PLAN.items():
        shown = page(width, height)
        for edge, kind, quality in tries:
            target = Target(edge, edge, "scale_aspect_fit", kind, quality, 100_000_000)
            row = measure(shown, target, reader)
            if edge == width and kind == "png" and min(row.read) < READABLE:
                raise ValueError(f"of the page itself {min(row.read):.1%} is read, at least {READABLE:.0%} expected")
            sys.stdout.write(
                f"| {width}x{height} | {row.image.width}x{row.image.height} | {kind} | {row.quality or '-'} "
                f"| {len(row.image.data) / 1000:.0f} | {row.encode_ms:.1f} "
                f"| {row.read[0]:.1%} | {row.read[1]:.1%} |\n"
            )
            sys.stdout.flush()
    return 0


def page(width: int, height: int) -> Page:
    """A page of random words and numbers, the same every time."""
    dice = random.Random(12)  # noqa: S311 - the same page every time
    picture = Image.new("RGB", (width, height), INKS[0][1])
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(FONT_PX)
    left, top = width // 2 - COLUMN_PX, height // 2 - READ_LINES // 2 * PITCH_PX
    draw.rectangle((width // 2, 0, width, height), fill=INKS[1][1])
    lines: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
    for x in range(left % COLUMN_PX, width - COLUMN_PX + 1, COLUMN_PX):
        for y in range(top % PITCH_PX, height - PITCH_PX + 1, PITCH_PX):
            words = _line(dice)
            dark = x >= width // 2
            draw.text((x + 8, y + 3), " ".join(words), fill=INKS[dark][0], font=font)
            if left <= x < left + 2 * COLUMN_PX and top <= y < top + READ_LINES * PITCH_PX:
                lines[dark].append(words)
    i420 = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2YUV_I420).reshape(-1)
    frame = Frame(np.asarray(i420, np.uint8), width, height, 0, "TR_1", "screen", 0.0)
    return Page(frame, (tuple(lines[0]), tuple(lines[1])), left, top)


def read(shown: Page, image: EncodedImage, reader: RapidOCR) -> tuple[float, float]:
    """Share of the words that are read right from the picture: of the light column, and of the dark one."""
    pixels = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape[:2] == (image.height, image.width)
    scale = image.width / shown.frame.width
    shares = []
    for column, lines in enumerate(shown.lines):
        left, top = shown.left + column * COLUMN_PX, shown.top
        part = pixels[
            round(top * scale) : round((top + READ_LINES * PITCH_PX) * scale),
            round(left * scale) : round((left + COLUMN_PX) * scale),
        ]
        found = _read_lines(np.ascontiguousarray(part), PITCH_PX * scale, reader)
        right = [word in found.get(at, "") for at, line in enumerate(lines) for word in line]
        shares.append(statistics.mean(right))
    return shares[0], shares[1]


def measure(shown: Page, target: Target, reader: RapidOCR, repeats: int = 7) -> Row:
    """Encode and read one screen in one way; the timing comes after the reading."""
    image = encode_frame(shown.frame, target)
    shares = read(shown, image, reader)
    spent = []
    for _ in range(repeats):
        started = time.perf_counter()
        encode_frame(shown.frame, target)
        spent.append((time.perf_counter() - started) * 1000)
    size = shown.frame.width, shown.frame.height
    return Row(size, image, None if target.format == "png" else target.quality, min(spent), shares)


def _line(dice: random.Random) -> tuple[str, ...]:
    words = [dice.choice(WORDS) for _ in range(4)]
    words.insert(dice.randrange(5), str(dice.randrange(10_000, 100_000)))
    words[0] = words[0].capitalize()
    return tuple(words)


def _read_lines(pixels: NDArray[np.uint8], pitch: float, reader: RapidOCR) -> dict[int, str]:
    """What is read, by line; without spaces, which the model often overlooks."""
    found, _ = reader(pixels, use_cls=False)
    lines: dict[int, list[tuple[float, str]]] = {}
    for box, text, _ in found or []:
        middle = float(np.mean([y for _, y in box]))
        lines.setdefault(int(middle / pitch), []).append((box[0][0], re.sub(r"\s", "", text)))
    return {at: "".join(text for _, text in sorted(parts)) for at, parts in lines.items()}


if __name__ == "__main__":
    sys.exit(main())
