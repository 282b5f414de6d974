"""The pictures that a call begins with are checked as uploads are."""

import base64
import dataclasses
import io
from pathlib import Path

from PIL import Image

from agent.background import load_background
from agent.vision.encoded import EncodedImage
from config.settings import Settings
from tests.fakes import plain, settings


def given(*images: str, **changes: object) -> Settings:
    """Settings of an agent that is given these."""
    ours = settings()
    return dataclasses.replace(ours, agent=ours.agent.model_copy(update={"images": images, **changes}))


def url(data: bytes) -> str:
    """The file as a data URL."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


async def test_files_and_data_urls_are_cleaned_in_their_order(tmp_path: Path) -> None:
    """Whatever they were, they are JPEGs now."""
    path = tmp_path / "plan.gif"
    path.write_bytes(plain(colour="red"))
    background = await load_background(given(url(plain(colour="blue")), str(path)))
    assert background.problems == ()
    clean = [image for image in background.pictures if isinstance(image, EncodedImage)]
    assert [image.mime for image in clean] == ["image/jpeg"] * 2
    colours = [Image.open(io.BytesIO(image.data)).convert("RGB").resize((1, 1)).getpixel((0, 0)) for image in clean]
    assert [max(range(3), key=colour.__getitem__) for colour in colours if isinstance(colour, tuple)] == [2, 0]


async def test_each_problem_is_told_with_its_number(tmp_path: Path) -> None:
    """And what is good is there all the same."""
    text, missing = tmp_path / "notes.png", tmp_path / "missing.png"
    text.write_text("just words", encoding="utf-8")
    background = await load_background(given(str(text), url(plain()), str(missing), "https://127.0.0.1:1/private.png"))
    assert len(background.pictures) == 1
    kind, absent, private = background.problems
    assert kind.startswith("images[0]: The file is something else, not one of JPEG, PNG")
    assert absent == f"images[2]: {missing}: No such file or directory"
    assert private.startswith("images[3]: ")
    assert "not public" in private


async def test_picture_over_the_limit_is_refused() -> None:
    """As an upload of that size would be."""
    ours = given(url(plain() + b"x" * 2000))
    small = dataclasses.replace(ours, uploads=ours.uploads.model_copy(update={"max_bytes": 1000}))
    [problem] = (await load_background(small)).problems
    assert "over 1,000 bytes" in problem


async def test_address_is_passed_through_where_the_setting_says_so() -> None:
    """Nobody is asked for it here, so it may be anywhere."""
    address = "https://127.0.0.1:1/plan.png"
    assert (await load_background(given(address, pass_image_urls=True))).pictures == (address,)


async def test_what_is_elsewhere_is_left_out_of_the_check_at_the_start() -> None:
    """Nothing is contacted before the configuration is known to be right."""
    background = await load_background(given("https://127.0.0.1:1/plan.png", url(b"words")), local=True)
    assert background.pictures == ()
    assert [problem.split(":")[0] for problem in background.problems] == ["images[1]"]
