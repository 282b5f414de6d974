"""The words of one utterance: from the script, or by ear."""

import asyncio

from sandbox.control.entries import Utterance
from sandbox.control.script import UNSCRIPTED
from sandbox.control.state import State


async def transcribe(
    state: State, utterance: Utterance, sound: bytes, sample_rate: int, draft: asyncio.Task[str] | None = None
) -> str:
    """What was said in `sound` (s16le, mono), noting where the words are from.

    Args:
        state: The sandbox.
        utterance: Where to note it.
        sound: The utterance.
        sample_rate: Hertz.
        draft: A guess at the very same sound, if there is one.
    """
    scripted = state.script.heard()
    if scripted is not None:
        utterance.source = "script"
        return scripted
    if state.script.mode.exact:
        utterance.source = "unscripted"
        return UNSCRIPTED
    if draft and not draft.cancelled():
        return await draft
    return await state.senses.ears.hear(sound, sample_rate)
