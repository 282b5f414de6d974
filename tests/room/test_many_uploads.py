"""Many uploads: in a row, at once and from everybody, in order, without growth, while the conversation goes on."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pytest_asyncio
from livekit import api, rtc
from PIL import Image

from sandbox.caller.journal import UploadStatus
from sandbox.caller.scenes import Counter
from sandbox.stack import Address, start_worker, worker_env
from sandbox.turn import Turn, judge
from tests.fakes import plain
from tests.room.rig import Rig, fate

GENEROUS = {
    "LIVEKIT_AGENT_NAME": "generous",
    "UPLOADS__FROM": "room",
    "UPLOADS__MAX_PER_MINUTE": "10000",
    "UPLOADS__MAX_PER_CALL": "100000",
    "UPLOADS__STALL_S": "60",  # twenty clients on two cores stall by themselves
    "UPLOADS__TIMEOUT_S": "90",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def generous_log(
    livekit_server: Address, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """A worker that takes uploads from everybody, and many."""
    async with AsyncExitStack() as running:
        env = {**worker_env(livekit_server, sandbox_url), **GENEROUS}
        yield (await start_worker(running, tmp_path_factory.mktemp("generous"), env)).log


@pytest.fixture
def generous(rig: Rig, generous_log: Path) -> Rig:
    """The same for one test."""
    return replace(rig, agent_name=GENEROUS["LIVEKIT_AGENT_NAME"], worker_log=generous_log)


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    """JPEG files as cameras make them, of some 100 to 300 kB, no two of one width."""
    return [photo(1000 + 80 * number, 1000 + number) for number in range(8)]


def photo(width: int, seed: int) -> bytes:
    """A picture with as much detail as a photograph."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (width // 16, width // 12, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, width * 3 // 4), Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-12, 12, smooth.shape, np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


def widths(turn: Turn) -> list[int]:
    """Of the uploads in the request, in order."""
    return [
        image.width
        for message in turn.request.messages
        for image in message.images
        if message.text.startswith("[Picture uploaded by ")
    ]


def decoders(job: psutil.Process) -> list[psutil.Process]:
    """The decoder processes of a call."""
    found = []
    for child in job.children():
        with suppress(psutil.Error):
            if "agent.uploads.decoder_main" in child.cmdline():
                found.append(child)
    return found


async def test_pictures_come_in_the_order_in_which_they_were_sent(generous: Rig, photos: list[bytes]) -> None:
    """The largest first, all at once: the conversation follows the sender, not who arrives or is decoded first."""
    files = [photos[7], photos[3], plain((64, 48))]
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        before = await generous.ask(caller)
        # Their headers leave in this order; the rest is sent side by side.
        ids = [f"order-{number}" for number in range(3)]
        writers = [
            await caller.room.local_participant.stream_bytes(f"{each}.jpg", topic="images", stream_id=each)
            for each in ids
        ]
        for writer, data in reversed(list(zip(writers, files, strict=True))):
            await writer.write(data)
            await writer.aclose()
        statuses = [await fate(caller, each) for each in ids]
        turn = await generous.ask(caller)
    assert [event.data["status"] for event in statuses] == ["accepted"] * 3
    assert widths(before) == []
    assert widths(turn) == [event.data["width"] for event in statuses] == [1560, 1240, 64]
    assert turn.drawn_at is not None


async def test_two_that_want_a_reply_get_one_that_sees_both(generous: Rig) -> None:
    """Sent in one go: the agent answers once, when both are there."""
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        since = (await generous.ask(caller)).request.id
        sent = time.time()
        ids = await asyncio.gather(
            *(caller.upload(plain((300 + number, 200)), reply=True, caption="What is it?") for number in range(2))
        )
        for each in ids:
            await fate(caller, each)
        answer = await judge(generous.sandbox, await caller.reply(after=sent, timeout_s=60))
        after = await generous.write(caller, "Thank you.")
        requests = await generous.sandbox.requests("llm", since)
    assert sorted(widths(answer)) == [300, 301]
    assert [request.id for request in requests] == [answer.request.id, after.request.id]


async def test_upload_while_the_user_speaks_cuts_nobody_off(generous: Rig) -> None:
    """It is taken at once, and the answer to the user's question sees it: so it is not answered a second time."""
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        before = generous.logged("turn_completed")
        await generous.ask(caller)
        asking = asyncio.create_task(generous.ask(caller, "What about this one?"))
        await generous.sandbox.wait_for(lambda entry: len(entry.utterances) == 2, "stt", timeout_s=60)
        accepted = await fate(caller, await caller.upload(plain((333, 222)), reply=True))
        turn = await asking
        await generous.write(caller, "And now?")
        turns = await generous.until_logged("turn_completed", len(before) + 3)
    assert [line["kind"] for line in turns[len(before) :]] == ["spoken", "spoken", "typed"]
    assert accepted.data["status"] == "accepted"
    assert accepted.at < turn.asked
    assert turn.reply.text.startswith(f"Answer {turn.request.id}.")
    assert "What about this one?" in turn.request.messages[-1].text
    assert widths(turn) == [333]
    assert turn.drawn_at is not None


async def test_another_participant_is_named_as_one(generous: Rig) -> None:
    """With `UPLOADS__FROM=room` a guest's picture joins the conversation, and the model is told whose it is."""
    room = "test-guests"
    async with generous.caller(room) as caller, generous.caller(room, "guest") as guest:
        await generous.call(caller)
        theirs = await fate(guest, await guest.upload(plain((222, 111)), caption="From me."))
        ours = await fate(caller, await caller.upload(plain((333, 111)), caption="From us."))
        turn = await generous.ask(caller)
    assert theirs.data["status"] == ours.data["status"] == "accepted"
    assert [event.data["stream_id"] for event in caller.journal.of(UploadStatus)] == [ours.data["stream_id"]]
    said = [message.text for message in turn.request.messages if "uploaded by" in message.text]
    assert said == ["[Picture uploaded by another participant] From me.", "[Picture uploaded by the user] From us."]
    assert widths(turn) == [222, 333]


@pytest.mark.timeout(300)
async def test_two_hundred_uploads_leave_no_memory_behind(
    generous: Rig, photos: list[bytes], record_property: Callable[[str, object], None]
) -> None:
    """In a row, while typed turns go on: all are accepted, one decoder serves them, and the job stays as it was."""
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        job = await generous.job(caller)
        await generous.ask(caller)
        codes: list[str | None] = []
        turns: list[Turn] = []
        sizes: list[tuple[float, float]] = []
        for number in range(200):
            status = await fate(caller, await caller.upload(photos[number % len(photos)], caption=f"No. {number}"))
            codes.append(status.data["code"])
            if number % 40 == 9:
                turns.append(await generous.write(caller, f"What was number {number}?"))
                sizes.append((job.memory_info().rss / 1e6, job.memory_full_info().uss / 1e6))
                assert len(decoders(job)) == 1
        turns.append(await generous.ask(caller))
        sizes.append((job.memory_info().rss / 1e6, job.memory_full_info().uss / 1e6))
    record_property("rss_and_uss_mb", [(round(rss), round(uss)) for rss, uss in sizes])
    assert codes == [None] * 200
    assert all(turn.drawn_at is not None for turn in turns)
    assert all(len(widths(turn)) == 3 for turn in turns)
    assert widths(turns[-1]) == [1000 + 80 * (number % 8) for number in (197, 198, 199)]
    assert sizes[-1][0] - sizes[0][0] < 30
    assert sizes[-1][1] - sizes[0][1] < 30


async def test_eight_at_once_are_all_taken(generous: Rig, photos: list[bytes]) -> None:
    """As many as one sender may have under way, in full size, while a question is answered."""
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        await generous.ask(caller)
        sending = asyncio.gather(*(caller.upload(data) for data in photos))
        during = await generous.write(caller, "Are you there?")
        statuses = [await fate(caller, each) for each in await sending]
        after = await generous.ask(caller)
        assert len(decoders(await generous.job(caller))) == 1
    assert [event.data["code"] for event in statuses] == [None] * 8
    assert during.drawn_at is not None
    assert after.drawn_at is not None
    assert len(widths(after)) == 3


def crowd(address: Address, room: str, agent: str, files: list[bytes]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Guests without media, who upload a file each at the same time: its id and what was told, of each guest.

    Run in a process of its own: so many clients would starve the caller's sound.
    """
    return asyncio.run(_crowd(address, room, agent, files))


async def _crowd(address: Address, room: str, agent: str, files: list[bytes]) -> list[tuple[str, list[dict[str, Any]]]]:
    told: list[asyncio.Queue[dict[str, Any]]] = [asyncio.Queue() for _ in files]
    reading: set[asyncio.Task[None]] = set()
    guests = [rtc.Room() for _ in files]
    for number, guest in enumerate(guests):

        async def read(reader: rtc.TextStreamReader, queue: asyncio.Queue[dict[str, Any]]) -> None:
            queue.put_nowait(json.loads(await reader.read_all()))

        def on_status(
            reader: rtc.TextStreamReader, _: str, queue: asyncio.Queue[dict[str, Any]] = told[number]
        ) -> None:
            reading.add(asyncio.create_task(read(reader, queue)))

        guest.register_text_stream_handler("images.status", on_status)
        token = api.AccessToken(address.api_key, address.api_secret).with_identity(f"guest-{number}")
        jwt = token.with_grants(api.VideoGrants(room_join=True, room=room)).to_jwt()
        await guest.connect(address.url, jwt, rtc.RoomOptions(auto_subscribe=False))
    # To the agent alone, as an app in a full room should: else the server copies each to all.
    sent = await asyncio.gather(
        *(
            guest.local_participant.send_bytes(data, topic="images", destination_identities=[agent])
            for guest, data in zip(guests, files, strict=True)
        )
    )
    async with asyncio.timeout(90):
        first = [await queue.get() for queue in told]
    more = [[queue.get_nowait() for _ in range(queue.qsize())] for queue in told]
    await asyncio.gather(*(guest.disconnect() for guest in guests))
    return [(info.stream_id, [one, *rest]) for info, one, rest in zip(sent, first, more, strict=True)]


@pytest.mark.timeout(240)
async def test_twenty_participants_upload_at_the_same_time(generous: Rig) -> None:
    """Each is told of their own upload and of nobody else's, and the caller is answered meanwhile."""
    room = "test-crowd"
    files = [photo(480, seed) for seed in range(20)]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        async with generous.caller(room) as caller:
            await caller.show(Counter())
            await generous.call(caller)
            await generous.ask(caller)
            assert caller.agent is not None
            guests = asyncio.get_running_loop().run_in_executor(
                pool, crowd, generous.address, room, caller.agent.identity, files
            )
            await generous.until_logged("upload_accepted", 1 + len(generous.logged("upload_accepted")), 90)
            during = await generous.write(caller, "Who is there?")
            told = await guests
            after = await generous.ask(caller)
    assert [[status["code"] for status in statuses] for _, statuses in told] == [[None]] * 20
    assert all(status["stream_id"] == stream_id for stream_id, statuses in told for status in statuses)
    assert caller.journal.of(UploadStatus) == []
    assert during.drawn_at is not None
    assert after.drawn_at is not None
    assert len(widths(after)) == 3
    lines = [message.text for message in after.request.messages if "another participant" in message.text]
    assert len(lines) == 20


async def test_killed_decoder_costs_at_most_the_picture_it_had(
    generous: Rig, photos: list[bytes], record_property: Callable[[str, object], None]
) -> None:
    """Three times, while it reads a picture: one may be refused as damaged, the next is taken by a new process."""
    async with generous.caller() as caller:
        await caller.show(Counter())
        await generous.call(caller)
        job = await generous.job(caller)
        await fate(caller, await caller.upload(photos[0]))
        killed: set[int] = set()
        damaged = 0
        for _ in range(3):
            [decoder] = decoders(job)
            worked = decoder.cpu_times().user
            sending = asyncio.gather(*(caller.upload(data) for data in photos[5:]))
            async with asyncio.timeout(60):
                while decoder.cpu_times().user == worked:  # noqa: ASYNC110 - what it does, it does not tell us
                    await asyncio.sleep(0.002)
            decoder.kill()
            killed.add(decoder.pid)
            codes = [(await fate(caller, each)).data["code"] for each in await sending]
            assert set(codes) <= {None, "damaged"}
            assert codes.count("damaged") <= 1
            damaged += codes.count("damaged")
            assert (await fate(caller, await caller.upload(photos[4]))).data["code"] is None
        turn = await generous.ask(caller)
        assert not killed & {decoder.pid for decoder in decoders(job)}
    record_property("damaged", damaged)
    assert len(killed) == 3
    assert turn.drawn_at is not None
    assert widths(turn)[-1] == 1320
