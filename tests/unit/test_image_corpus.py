"""Each file of `tests/data/uploads` is accepted clean, or refused by its code."""

import io
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from agent.errors import UploadError
from agent.uploads.image import READ, Cleaned, clean
from agent.uploads.kind import kind_of
from agent.uploads.limits import Limits
from tests.corpus import FATAL, FOLDER, OUTCOMES, SECRET, Accepted
from tests.fakes import pixels

LIMITS = Limits(max_pixels=1_000_000, max_width=200, max_height=200, quality=80, max_bytes=100_000)
ACCEPTED = {name: outcome for name, outcome in OUTCOMES.items() if isinstance(outcome, Accepted)}
REFUSED = {
    name: outcome for name, outcome in OUTCOMES.items() if not isinstance(outcome, Accepted) and name not in FATAL
}
SECRETIVE = [
    *(name for name in ACCEPTED if name.startswith(("gps_", "comment", "text"))),
    *("jpeg_and_html.jpg", "jpeg_and_zip.jpg", "jpg_huge_exif.jpg", "png_and_script.png"),
]


def cleaned(name: str) -> Cleaned:
    """As the file is cleaned with small limits; skips what the missing extra would read."""
    data = (FOLDER / name).read_bytes()
    if kind_of(data) == "HEIF" and "HEIF" not in READ:
        pytest.skip("pi-heif is an extra and not installed")
    return clean(data, LIMITS)


def segments(jpeg: bytes) -> Iterator[int]:
    """The markers of a JPEG up to its first scan."""
    at = 2
    while jpeg[at + 1] != 0xDA:
        yield jpeg[at + 1]
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def test_every_file_has_an_outcome_and_every_outcome_a_file() -> None:
    """A file that nobody judges tests nothing."""
    assert {path.name for path in FOLDER.iterdir()} == OUTCOMES.keys()


def test_the_folder_stays_small() -> None:
    """It is in every clone."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


@pytest.mark.parametrize("name", ACCEPTED)
def test_picture_is_accepted_with_its_colours(name: str) -> None:
    """Upright, of its first frame, white behind what is clear, in the colours that its profile means."""
    made, outcome = cleaned(name), ACCEPTED[name]
    assert (made.kind, made.width, made.height) == (outcome.kind, outcome.width, outcome.height)
    seen = pixels(made.data)
    assert seen.shape == (outcome.height, outcome.width, 3)
    x, y = min(4, outcome.width // 2), min(4, outcome.height // 2)
    corners = np.array([seen[y, x], seen[y, -1 - x], seen[-1 - y, x], seen[-1 - y, -1 - x]], dtype=int)
    assert np.abs(corners - np.array(outcome.corners)).max() <= 8


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_read_is_refused(name: str) -> None:
    """By the code that tells the sender why, in a sentence."""
    with pytest.raises(UploadError) as caught:
        cleaned(name)
    assert caught.value.code == REFUSED[name]
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", ACCEPTED)
def test_result_has_nothing_but_pixels(name: str) -> None:
    """No EXIF, XMP, IPTC, comment, profile or second picture, and nothing before or after."""
    data = cleaned(name).data
    # JFIF's own header, tables, frame and scan.
    assert set(segments(data)) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert data.endswith(b"\xff\xd9")
    assert data.count(b"\xff\xd9") == 1
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("name", SECRETIVE)
def test_what_the_sender_told_unawares_is_gone(name: str) -> None:
    """Where a picture was taken, and by whom, is nobody's business."""
    assert SECRET in (FOLDER / name).read_bytes()
    assert SECRET not in cleaned(name).data


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name.startswith("gps_in_exif")])
def test_gps_position_is_really_in_the_files(name: str) -> None:
    """A test that a position is gone must begin with one."""
    packed = struct.pack("<6I", 52, 1, 31, 1, 12, 1), struct.pack(">6I", 52, 1, 31, 1, 12, 1)
    assert any(position in (FOLDER / name).read_bytes() for position in packed)
