"""The self-test call: a caller shows a sign to its camera, asks aloud what it says, and checks the answer."""

import asyncio
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livekit import api

from sandbox.caller.caller import Caller
from sandbox.caller.errors import CallError
from sandbox.caller.journal import Transcript
from sandbox.caller.scenes import Sign
from sandbox.stack import AGENT_NAME, Address
from sandbox.tts.voice import Voice

QUESTION = "What does the sign say?"
SIGNS = ("OPEN AT NINE", "FRESH BREAD", "MIND THE STEP", "LAST TRAIN SIX", "ROOM SEVEN", "PLEASE RING TWICE")
_RAMP_S = 1.0
"""Video starts small and grows for a moment; a person who holds up a sign takes longer than that to ask."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the self-test went: `problem` is empty when it went well, else one sentence."""

    problem: str = ""


async def self_test(address: Address, voice: Voice, worker_log: Path, tell: Callable[[str, str], None]) -> Outcome:
    """Place the call and tell it as it happens, as pairs of a label and what happened."""
    room = f"self-test-{random.getrandbits(32):08x}"
    try:
        return await _place_call(address, voice, room, worker_log, tell)
    finally:
        # Without its room the agent need not wait for its caller to come back.
        async with api.LiveKitAPI(address.url, address.api_key, address.api_secret) as client:
            await client.room.delete_room(api.DeleteRoomRequest(room=room))


async def _place_call(
    address: Address, voice: Voice, room: str, worker_log: Path, tell: Callable[[str, str], None]
) -> Outcome:
    words = random.choice(SIGNS)  # noqa: S311 - any sign will do, as long as the answer can't be known beforehand
    started = time.monotonic()
    async with Caller(address.url, address.api_key, address.api_secret, room, voice=voice) as caller:
        try:
            await caller.call(AGENT_NAME)
            tell("agent", f"there after {time.monotonic() - started:.1f} s, in room {room}")
            await caller.show(Sign(words))
            tell("showed", f'a sign with the words "{words}" to the camera')
            await asyncio.sleep(_RAMP_S)
            spoken = await caller.speak(QUESTION)
            tell("asked", f'"{QUESTION}"')
            reply = await caller.reply(after=spoken.ended, timeout_s=30)
        except CallError as error:
            return Outcome(str(error))
        turn = await _turn(worker_log, room)
        if turn is None:
            return Outcome("the worker logged no turn_completed for this call")
        heard = [said.text for said in caller.journal.of(Transcript) if said.speaker == caller.identity and said.final]
        tell("heard", f'"{" ".join(heard)}"')
        if turn["frame_sha256"] is None:
            tell("saw", f"nothing ({turn['blind_reason']})")
        else:
            tell(
                "saw",
                f"{turn['frame_source']} {turn['frame_width']}x{turn['frame_height']}, {turn['frame_age_ms']} ms old, "
                f"sha {turn['frame_sha256'][:12]}",
            )
        tell("answered", f'"{reply.text}"')
        tell("first sound", f"{reply.delay_s * 1000:.0f} ms after the question")
    missing = sorted(set(words.lower().split()) - set(re.findall(r"[a-z]+", reply.text.lower())))
    if turn["frame_sha256"] is None:
        return Outcome(f"the answer was given blind ({turn['blind_reason']})")
    if missing:
        return Outcome(f'the sign says "{words}", but the answer lacks: {", ".join(missing)}')
    return Outcome()


async def _turn(worker_log: Path, room: str) -> dict[str, Any] | None:
    """The call's `turn_completed` line, which follows the end of the reply."""
    for _ in range(50):
        lines = (await asyncio.to_thread(worker_log.read_text, encoding="utf-8")).splitlines()
        for line in lines:
            if f'"{room}"' in line and '"turn_completed"' in line:
                turn: dict[str, Any] = json.loads(line)
                return turn
        await asyncio.sleep(0.1)
    return None
