"""One turn in exact mode, judged by what reached the model: the question, the answer heard, the request behind it."""

import io
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from sandbox.caller.caller import Caller
from sandbox.caller.reply import Reply
from sandbox.caller.stamp import Pixels, read_stamp
from sandbox.control.client import SandboxClient
from sandbox.control.entries import Entry, SeenImage

LEEWAY_S = 0.5
"""So long before the end of a question its picture may have been drawn: sound and frames travel separately."""

_ANSWER = re.compile(r"Answer (\d+)")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and the answer that was spoken.

    Attributes:
        asked: Unix seconds at which the question ended.
        reply: What was heard.
        request: The model request whose answer that was.
        picture: The newest picture in the request's last user message: RGB, height x width x 3, uint8.
        drawn_at: Unix seconds at which what the picture shows was drawn; `None` if it bears no stamp.
    """

    asked: float
    reply: Reply
    request: Entry
    picture: Pixels | None
    drawn_at: float | None

    @property
    def view_age_s(self) -> float | None:
        """Seconds from the drawing of the scene to the model request: camera, network and decoder included."""
        return None if self.drawn_at is None else self.request.started - self.drawn_at

    @property
    def images(self) -> list[SeenImage]:
        """Every picture in the request."""
        return [image for message in self.request.messages for image in message.images]


def of_that_moment(turn: Turn) -> bool:
    """Whether the picture was drawn after the question had ended, or so shortly before that nothing else fits."""
    return turn.drawn_at is not None and turn.asked - LEEWAY_S <= turn.drawn_at <= turn.request.started


async def spoken_turn(
    caller: Caller, sandbox: SandboxClient, question: str, pcm: bytes, sample_rate: int, *, timeout_s: float = 30
) -> Turn:
    """Ask aloud; `pcm` is any speech, the sandbox takes it for `question`."""
    await sandbox.script(question)
    spoken = await caller.speak_pcm(pcm, sample_rate)
    return await _answered(caller, sandbox, spoken.ended, timeout_s)


async def typed_turn(caller: Caller, sandbox: SandboxClient, question: str, *, timeout_s: float = 30) -> Turn:
    """Ask by chat message."""
    return await _answered(caller, sandbox, await caller.type(question), timeout_s)


async def _answered(caller: Caller, sandbox: SandboxClient, asked: float, timeout_s: float) -> Turn:
    return await judge(sandbox, await caller.reply(after=asked, timeout_s=timeout_s))


async def judge(sandbox: SandboxClient, reply: Reply) -> Turn:
    """Find the request behind an answer that was heard, and look at its picture.

    Raises:
        LookupError: If the answer does not name a request.
    """
    named = _ANSWER.search(reply.text)
    if named is None:
        raise LookupError(f"heard {reply.text!r}, expected 'Answer <number>.'")
    request = next(entry for entry in await sandbox.requests("llm") if entry.id == int(named[1]))
    asking = [message for message in request.messages if message.role == "user"]
    images = asking[-1].images if asking else []
    picture = await pixels_of(sandbox, images[-1].sha256) if images else None
    return Turn(reply.asked, reply, request, picture, None if picture is None else read_stamp(picture))


async def pixels_of(sandbox: SandboxClient, sha256: str) -> Pixels:
    """A picture that was in a request: RGB, height x width x 3, uint8."""
    with Image.open(io.BytesIO(await sandbox.image(sha256))) as image:
        return np.asarray(image.convert("RGB"))
