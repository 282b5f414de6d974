"""Providers that fail in a live call: the caller always hears something, and the call is whole again by itself."""

from sandbox.caller.caller import Caller
from sandbox.caller.journal import SoundBegan, Transcript
from sandbox.caller.scenes import Counter
from sandbox.control.entries import Provider
from sandbox.control.faults import Kind
from tests.room.conftest import RigWith
from tests.room.rig import Rig

HOLD = "One moment, please."
SORRY = "Sorry, I can't answer right now. Please try again in a moment."
UNHEARD = "Sorry, I didn't hear you. Could you say that again?"


async def ask(rig: Rig, caller: Caller) -> float:
    """Ask aloud, whatever comes; unix seconds of the question's end."""
    await rig.sandbox.script("What number do you see?")
    return (await caller.speak_pcm(rig.speech.pcm, rig.speech.sample_rate)).ended


async def hears(caller: Caller, asked: float, words: str) -> None:
    """The caller hears a sound, and it is these words."""
    await caller.journal.wait_for(SoundBegan, after=asked, timeout_s=30)
    await caller.journal.wait_for(
        Transcript,
        after=asked,
        where=lambda event: event.speaker != caller.identity and words in event.text,
        timeout_s=30,
    )


async def test_caller_hears_something_of_every_fault(rig: Rig) -> None:
    """A model that hangs, a dead voice and a deaf listener; after each the next turn is sighted."""
    faults: list[tuple[Provider, Kind, int, str]] = [
        ("llm", "hang", 1, HOLD),
        ("tts", "drop", 2, SORRY),
        ("stt", "hang", 1, UNHEARD),
    ]
    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        await rig.ask(caller)
        for provider, kind, count, words in faults:
            await rig.sandbox.fault(provider, kind, count=count)
            before = (await rig.sandbox.requests("llm"))[-1].id
            asked = await ask(rig, caller)
            await hears(caller, asked, words)
            await caller.reply(after=asked, timeout_s=40)
            answered = [
                each for each in await rig.sandbox.requests("llm", since=before) if each.reply and not each.fault
            ]
            assert len(answered) <= 1, f"{provider} {kind}: a turn was answered twice"
            turn = await rig.ask(caller)
            assert len(turn.images) == 1, f"{provider} {kind}: the turn after it is blind"
        room = caller.room.name
    held = [line for line in rig.logged("turn_completed") if line["room"] == room and line["held"]]
    assert len(held) == 1
    assert len([line for line in rig.logged("voice_failed") if line["room"] == room]) == 1
    assert len([line for line in rig.logged("caller_not_heard") if line["room"] == room]) == 1


async def test_others_step_in_for_who_fails(rig_with: RigWith) -> None:
    """Nobody apologises: the next model, voice and listener of the settings take the turn."""
    rig = await rig_with(
        {"LLM__FALLBACK": "backup", "TTS__FALLBACK": "cartesia:sonic-2", "STT__FALLBACK": "deepgram:nova-2"}
    )

    async def models(provider: Provider) -> set[str]:
        return {entry.model for entry in await rig.sandbox.requests(provider)}

    async with rig.caller() as caller:
        await caller.show(Counter())
        await rig.call(caller)
        first = await rig.ask(caller)
        assert first.request.model == "gpt-4.1"
        await rig.sandbox.fault("llm", "error")
        turn = await rig.ask(caller)
        assert turn.request.model == "backup"
        assert len(turn.images) == 1
        await rig.sandbox.fault("tts", "error")
        await rig.ask(caller)
        assert "sonic-2" in await models("tts")
        await rig.sandbox.fault("stt", "drop", count=3)
        await rig.ask(caller)
        assert "nova-2" in await models("stt")
    assert not rig.logged("turn_failed")
    assert {line["stage"] for line in rig.logged("provider_given_up")} == {"llm", "tts", "stt"}
