"""Small print is there to be missed: by eyes that see the reduced picture, not by those that look closely."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import cv2
import numpy as np
import pytest
import pytest_asyncio
from livekit import api, rtc

from sandbox.caller.caller import Caller
from sandbox.caller.scenes import Pixels
from sandbox.llm.eyes import Eyes
from sandbox.stack import Address

SETTLED_FRAMES = 20
"""A still picture is sharp after a few frames of full size."""

# The eyes are loaded once, so everything here shares one event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def eyes() -> AsyncIterator[Eyes]:
    """The model's real eyes."""
    pair = Eyes()
    await pair.load()
    yield pair
    pair.close()


async def read(eyes: Eyes, picture: Pixels) -> tuple[str, ...]:
    """The lines that are read in a picture once the worker's JPEG quality has passed over it."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 75])
    data = encoded.tobytes()
    return (await eyes.look(data, hashlib.sha256(data).hexdigest())).text_lines


async def settled(track: rtc.Track) -> Pixels:
    """A frame of a still scene at full size, decoded, once the encoder has had time for it."""
    stream = rtc.VideoStream(track, capacity=1)
    try:
        seen = 0
        async for event in stream:
            frame = event.frame
            seen += (frame.width, frame.height) == (1920, 1080)
            if seen == SETTLED_FRAMES:
                i420 = np.frombuffer(frame.data, np.uint8).reshape(frame.height * 3 // 2, frame.width)
                return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), np.uint8)
    finally:
        await stream.aclose()
    raise AssertionError("the track ended")


async def seen_in_a_room(server: Address, spec: str) -> Pixels:
    """What another participant sees of a scene: RGB, height x width x 3, uint8."""
    name = f"small-{uuid4().hex[:8]}"
    grants = api.VideoGrants(room_join=True, room=name)
    token = api.AccessToken(server.api_key, server.api_secret).with_identity("onlooker").with_grants(grants)
    room = rtc.Room()
    tracks: asyncio.Queue[rtc.Track] = asyncio.Queue()
    room.on("track_subscribed", lambda track, *_: tracks.put_nowait(track))
    async with asyncio.timeout(45), Caller(server.url, server.api_key, server.api_secret, name) as caller:
        try:
            await caller.join(microphone=False)
            await room.connect(server.url, token.to_jwt())
            await caller.show(spec, fps=15)
            return await settled(await tracks.get())
        finally:
            await room.disconnect()


@pytest.mark.parametrize("words", ["4711", "MAPLE 3527", "69801"])
async def test_only_a_close_look_reads_small_print(livekit_server: Address, eyes: Eyes, words: str) -> None:
    """After VP8: reduced to 1024 pixels the heading is read, in the top right quarter at full size the words are."""
    picture = await seen_in_a_room(livekit_server, f"small:{words}")
    reduced = np.asarray(cv2.resize(picture, (1024, 576), interpolation=cv2.INTER_AREA), np.uint8)
    found = await read(eyes, reduced)
    assert "LABEL" in found
    assert words.replace(" ", "") not in "".join(found).replace(" ", "")
    assert await read(eyes, np.ascontiguousarray(picture[:540, 960:])) == (words,)
