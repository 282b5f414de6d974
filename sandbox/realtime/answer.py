"""One answer of a live conversation, as far as no protocol is concerned: thought of, and spoken at a pace."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sandbox.control.entries import Entry, SeenMessage
from sandbox.control.faults import HANG_S, Fault
from sandbox.control.state import State
from sandbox.llm.mind import Answer, think
from sandbox.realtime.conversation import as_asked
from sandbox.tts import pcm
from sandbox.tts.speech import Speech

RATE_HZ = 24_000
CHUNK_MS = 200
FASTER = 4
"""Times as fast as it plays is sound sent."""
_VERBATIM = re.compile(r"\bword for word\b[^:]*:\s*(?P<words>.+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """What an answer is asked for with."""

    instructions: str = ""
    """Of this answer alone."""
    tools: tuple[str, ...] = ()
    must_call: bool = False
    received: float = 0.0
    """Loop time when it was asked for."""


async def meet(state: State, entry: Entry) -> Fault | None:
    """Wait as long as an ordered fault says; the fault, if there is one."""
    fault = state.faults.take("realtime", ("error", "slow", "hang", "cut"), vendor=entry.vendor)
    if fault is None:
        return None
    entry.fault = fault.kind
    if fault.kind in {"slow", "hang"}:
        await asyncio.sleep(HANG_S if fault.kind == "hang" else fault.delay_ms / 1000)
    return fault


async def answer_to(state: State, entry: Entry, messages: list[SeenMessage], asked: Asked) -> Answer:
    """The answer to a conversation: the very words, if the instructions want them."""
    if verbatim := _VERBATIM.search(asked.instructions):
        return verbatim["words"].strip()

    def file(sha256: str) -> bytes:
        stored = state.record.image(sha256)
        assert stored is not None, "kept when its frame came"
        return stored.data

    mode = state.script.mode
    answer = await think(state, entry, as_asked(messages), offered=asked.tools, must_call=asked.must_call, picture=file)
    if mode.exact:
        await asyncio.sleep(asked.received + mode.llm_first_token_ms / 1000 - asyncio.get_running_loop().time())
    return answer


async def pieces_of(state: State, text: str) -> list[bytes]:
    """The sound of an answer, s16le and mono, in the pieces that are sent."""
    now = asyncio.get_running_loop().time()
    sound = await Speech(state.script, state.senses.voice).of(text, RATE_HZ, received=now)
    return pcm.chunks(sound, RATE_HZ, CHUNK_MS)


async def paced(state: State, entry: Entry, pieces: list[bytes]) -> AsyncIterator[bytes]:
    """The pieces, as fast as they are made, noting what was sent."""
    for piece in pieces:
        yield piece
        state.record.first_byte(entry)
        entry.audio_ms += pcm.duration_ms(piece, RATE_HZ)
        await asyncio.sleep(CHUNK_MS / 1000 / FASTER)
