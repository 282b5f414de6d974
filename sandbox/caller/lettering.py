"""Text written into a picture as large as fits."""

from PIL import Image, ImageDraw, ImageFont

_MAX_LINES = 6
_SHARE = 0.85
"""The part of the picture's width and height that text may fill."""


def write(picture: Image.Image, text: str) -> None:
    """Write black text into the middle of a picture, breaking lines where that makes the letters larger."""
    draw = ImageDraw.Draw(picture)
    width, height = picture.width * _SHARE, picture.height * _SHARE
    words = text.split(" ")
    candidates = [broken(words, lines) for lines in range(1, min(len(words), _MAX_LINES) + 1)]
    size, lines = max((_size(draw, candidate, width, height), candidate) for candidate in candidates)
    draw.multiline_text(
        (picture.width / 2, picture.height / 2),
        lines,
        fill="black",
        font=ImageFont.load_default(size),
        anchor="mm",
        align="center",
    )


def broken(words: list[str], lines: int) -> str:
    """Break words into at most this many lines of about the same length."""
    target = sum(len(word) + 1 for word in words) / lines
    rows = [words[0]]
    for word in words[1:]:
        if len(rows) < lines and len(rows[-1]) + len(word) / 2 > target:
            rows.append(word)
        else:
            rows[-1] += f" {word}"
    return "\n".join(rows)


def _size(draw: ImageDraw.ImageDraw, text: str, width: float, height: float) -> float:
    """Find the font size, in pixels, with which text fills a width and height."""
    trial = 100
    left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font=ImageFont.load_default(trial))
    # One short word would fill the frame to its edges; half the height is plenty to read.
    return max(8.0, min(trial * width / max(right - left, 1), trial * height / max(bottom - top, 1), height / 2))
