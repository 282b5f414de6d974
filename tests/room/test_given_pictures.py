"""Pictures that a call begins with: by setting or by dispatch, and none that can't be had passes unnoticed."""

import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.caller.scenes import Counter
from sandbox.control.entries import SeenMessage
from sandbox.process import Service
from sandbox.stack import Address, start_worker, worker_env
from sandbox.turn import Turn
from tests.fakes import plain
from tests.room.rig import Rig

NAME = "illustrated"
ADDRESS = "https://pictures.example/menu.png?size=large&key=1"


def data_url(data: bytes, kind: str = "image/png") -> str:
    """Bytes as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def illustrated_log(
    livekit_server: Address, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """A worker whose calls begin with a file and a data URL, and that hands addresses on as they are."""
    folder = tmp_path_factory.mktemp(NAME)
    file = folder / "the menu.jpg"
    file.write_bytes(plain((700, 500), "red", "JPEG"))
    settings = {
        "LIVEKIT_AGENT_NAME": NAME,
        "AGENT__IMAGES": json.dumps([str(file), data_url(plain((300, 200), "blue"))]),
        "AGENT__PASS_IMAGE_URLS": "true",
    }
    async with AsyncExitStack() as running:
        yield (await start_worker(running, folder, {**worker_env(livekit_server, sandbox_url), **settings})).log


@pytest.fixture
def illustrated(rig: Rig, illustrated_log: Path) -> Rig:
    """The same for one test."""
    return replace(rig, agent_name=NAME, worker_log=illustrated_log)


def background(turn: Turn) -> SeenMessage | None:
    """The message that holds the pictures of the instructions."""
    found = [message for message in turn.request.messages if "belong to your instructions" in message.text]
    assert len(found) <= 1
    return found[0] if found else None


def sizes(message: SeenMessage | None) -> list[tuple[int, int]]:
    """Of its pictures."""
    assert message is not None
    return [(image.width, image.height) for image in message.images]


async def refused(rig: Rig, metadata: dict[str, Any]) -> str:
    """Why the worker refuses a dispatch; it must say so in one line, and no agent may come."""
    before = len(rig.logged("job_refused"))
    async with rig.caller() as caller:
        await caller.dispatch(rig.agent_name, json.dumps(metadata))
        await rig.until_logged("job_refused", before + 1)
        assert caller.agent is None
        room = caller.room.name
        turned_away = [line for line in rig.logged("job_refused")[before:] if line["room"] == room]
    [line] = turned_away
    assert not any(line["room"] == room for line in rig.logged("call_started"))
    return str(line["reason"])


async def test_every_request_carries_the_pictures_of_the_setting(illustrated: Rig) -> None:
    """The first one and the fourth, as the same message before everything that was said, beside the camera's view."""
    async with illustrated.caller() as caller:
        await caller.show(Counter())
        await illustrated.call(caller)
        first = await illustrated.ask(caller, "What is on the menu?")
        for number in range(2):
            await illustrated.write(caller, f"And what else, for the {number}. time?")
        fourth = await illustrated.write(caller, "And the dessert?")
    assert sizes(background(first)) == [(700, 500), (300, 200)]
    assert background(first) == background(fourth) == first.request.messages[1]
    assert fourth.request.messages[1] == first.request.messages[1]
    assert {image.mime for image in first.request.messages[1].images} == {"image/jpeg"}
    assert first.drawn_at is not None
    assert fourth.drawn_at is not None


async def test_pictures_of_a_dispatch_replace_those_of_the_setting(illustrated: Rig) -> None:
    """A data URL in the metadata is the only picture of that call, however its file was named."""
    metadata = {"images": [data_url(plain((123, 77), "green", "GIF"), "image/jpeg")]}
    async with illustrated.caller() as caller:
        await illustrated.call(caller, json.dumps(metadata))
        turn = await illustrated.write(caller, "What is on the menu?")
    assert sizes(background(turn)) == [(123, 77)]
    assert len(turn.images) == 1


async def test_address_is_handed_on_as_it_is_where_that_is_wanted(illustrated: Rig) -> None:
    """With `AGENT__PASS_IMAGE_URLS` the model's provider gets the address, beside pictures that are no addresses."""
    metadata = {"images": [data_url(plain((123, 77))), ADDRESS]}
    async with illustrated.caller() as caller:
        await illustrated.call(caller, json.dumps(metadata))
        turn = await illustrated.write(caller, "What is on the menu?")
        again = await illustrated.write(caller, "And the dessert?")
    for each in (turn, again):
        message = background(each)
        assert sizes(message) == [(123, 77)]
        assert message is not None
        assert message.addresses == [ADDRESS]
    assert "key=1" not in illustrated.worker_log.read_text(encoding="utf-8")


async def test_call_without_pictures_has_no_message_for_them(rig: Rig) -> None:
    """Nothing is said of pictures that nobody gave; those of one dispatch stay with its call."""
    async with rig.caller() as caller:
        await rig.call(caller, json.dumps({"images": [data_url(plain((123, 77)))]}))
        shown = await rig.write(caller, "What is on the menu?")
    async with rig.caller() as caller:
        await rig.call(caller)
        bare = await rig.write(caller, "What is on the menu?")
    assert sizes(background(shown)) == [(123, 77)]
    assert background(bare) is None


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("data:image/png,hello", r"images.0: found 'data:image/png...', which is not in base64"),
        ("data:image/png;base64,####", r"images.0: found 'data:image/png...', which has 4 characters of broken base64"),
        ("/etc/passwd", "images.0: found '/etc/passwd', which is not allowed here"),
        (data_url(b"These are just words."), "images[0]: The file is something else, not one of JPEG"),
        (data_url(plain()[:-30]), "images[0]: The picture is damaged"),
        (
            "https://127.0.0.1:1/x.png",
            "images[0]: The picture at 127.0.0.1:1 can't be fetched: the server's address is",
        ),
        ("https://[::ffff:7f00:1]/x.png", "can't be fetched: the server's address is not public"),
    ],
    ids=["no-base64", "broken-base64", "file", "text", "damaged", "loopback", "loopback-in-disguise"],
)
async def test_dispatch_with_a_picture_that_cant_be_had_is_refused(rig: Rig, image: str, reason: str) -> None:
    """One log line names the picture and says why; no agent comes, and nothing of the picture itself is logged."""
    assert reason in await refused(rig, {"images": [image]})
    assert base64.b64encode(b"These are just words.").decode() not in rig.worker_log.read_text(encoding="utf-8")


async def test_every_picture_of_a_dispatch_that_cant_be_had_is_named(rig: Rig) -> None:
    """By its number, which counts the good ones too."""
    images = [data_url(plain()), data_url(b"words"), data_url(plain()), "https://localhost/x.png"]
    reason = await refused(rig, {"images": images})
    assert reason.startswith("images[1]: ")
    assert "; images[3]: " in reason
    assert "images[0]" not in reason
    assert "images[2]" not in reason


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"These are just words.", "images[1]: The file is something else, not one of JPEG"),
        (plain()[:-30], "images[1]: The picture is damaged"),
        (None, "No such file or directory"),
    ],
    ids=["text", "damaged", "missing"],
)
async def test_worker_does_not_start_with_a_picture_that_it_cant_read(
    livekit_server: Address, sandbox_url: str, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    """Exit code 78, and the operator is told which one and why."""
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(plain())
    if content is not None:
        bad.write_bytes(content)
    env = {**os.environ, **worker_env(livekit_server, sandbox_url), "AGENT__IMAGES": f"{good} {bad}"}
    async with AsyncExitStack() as running:
        worker = Service("worker", [sys.executable, "-m", "agent", "start"], log=tmp_path / "worker.log", env=env)
        running.push_async_callback(worker.aclose)
        await worker.spawn()
        assert await worker.wait() == 78
    assert "AGENT__IMAGES: images[1]: " in worker.tail()
    assert problem in worker.tail()
    assert "images[0]" not in worker.tail()
