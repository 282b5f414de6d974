"""Live video to a speech-to-speech model: ours against the framework's own sampler, on both providers' protocols.

The framework's is the same worker with `REALTIME__FRAMEWORK_VIDEO=true`: the same plugin, track choice and server, but
its pace, its encoding on the event loop, and no picture that ever leaves the conversation.
"""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.calls import Call, open_call
from bench.checks import check
from bench.plan import Plan
from bench.report import Row, Section, ratio_of_medians, spread
from bench.stage import Stage, say
from bench.workers import Contender
from sandbox.control.entries import Entry
from sandbox.llm.tokens import image_tokens
from sandbox.realtime.window import PICTURE_TOKENS
from sandbox.stack import live_env

PROVIDERS = {"openai": "OpenAI Realtime", "google": "Gemini Live"}
SPEECHES = 6
"""Sentences of five seconds whose pictures are counted."""
METHOD = (
    "{provider} (stock: `REALTIME__FRAMEWORK_VIDEO=true`, the framework's own sampler and encoding, same worker): a "
    "1280x720 camera at 30 frames a second that never shows the same, one contender after the other in each part. "
    "Pictures: {window:.0f} s of silence, and {speeches} sentences of 5 s, counted on the stand-in. Loop: the "
    "worker's `stall_ms`, the longest stall of each turn, over {turns} spoken turns. Conversation: {long} typed "
    "turns in one call, then what the stand-in holds. Tokens: what the pictures of each answer's conversation cost "
    "by {formula}, per minute of that call. First sound: end of speech to the first sound heard; the stand-in takes "
    "550 ms of silence as the end, 300 ms to answer and 80 ms to speak."
)
FORMULAS = {
    "openai": "the tile rule that OpenAI publishes for its GPT-4o models (85, and 170 for each tile of 512 pixels)",
    "google": "the 258 that Google publishes for each picture; both have the same window, `REALTIME__CONTEXT_TOKENS`",
}


@dataclass
class Measured:
    """Of one contender.

    Attributes:
        provider: Of the model.
        silent: Pictures a minute in silence.
        speaking: Pictures a minute while the caller speaks.
        delay_ms: Speech end to first sound, of each spoken turn.
        stall_ms: The longest stall of the event loop in each of them.
        encode_ms: Of each of them, where it is told.
        held: Items, and pictures among them, after the long call.
        tokens: Of the pictures, a minute of the long call.
    """

    provider: str
    silent: float = 0.0
    speaking: float = 0.0
    delay_ms: list[float] = field(default_factory=list)
    stall_ms: list[float] = field(default_factory=list)
    encode_ms: list[float] = field(default_factory=list)
    held: tuple[int, int] = (0, 0)
    tokens: float = 0.0


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """A table for each provider."""
    return [await _measure(stage, plan, provider) for provider in PROVIDERS]


async def _measure(stage: Stage, plan: Plan, provider: str) -> Section:
    """One contender after the other in each part, so that neither shares the machine with the other's call."""
    env = await live_env(provider, stage.sandbox_url)
    live = Contender(f"live-{provider}", stock=False, settings=env)
    framework = Contender(
        f"framework-video-{provider}", stock=False, settings={**env, "REALTIME__FRAMEWORK_VIDEO": "true"}
    )
    found = {contender: Measured(provider) for contender in (framework, live)}
    async with AsyncExitStack() as running:
        workers = {each: await running.enter_async_context(stage.worker(each)) for each in found}
        for contender, measured in found.items():
            async with open_call(stage, workers[contender]) as call:
                await _paces(call, plan, measured)
                say(f"realtime: {contender.name}: {measured.silent:.0f} and {measured.speaking:.0f} pictures a minute")
        for _ in range(max(1, plan.turns // plan.turns_per_call)):
            for contender, measured in found.items():
                async with open_call(stage, workers[contender]) as call:
                    await _turns(call, plan.turns_per_call, measured)
        for contender, measured in found.items():
            async with open_call(stage, workers[contender]) as call:
                await _long(call, plan.long_turns, measured)
                say(f"realtime: {contender.name}: {measured.held[1]} pictures held after {plan.long_turns} turns")
    method = METHOD.format(
        provider=PROVIDERS[provider],
        formula=FORMULAS[provider],
        window=plan.window_s,
        speeches=SPEECHES,
        turns=len(found[live].delay_ms),
        long=plan.long_turns,
    )
    return Section(_rows(found[framework], found[live], plan), method)


def _rows(theirs: Measured, ours: Measured, plan: Plan) -> list[Row]:
    ratio = ratio_of_medians(ours.delay_ms, theirs.delay_ms)
    deletes = ours.provider == "openai"
    return [
        Row(
            f"{PROVIDERS[ours.provider]}: pictures a minute, silent caller",
            f"{theirs.silent:.0f}",
            f"{ours.silent:.0f}",
            "about 20",
        ),
        Row("- while the caller speaks", f"{theirs.speaking:.0f}", f"{ours.speaking:.0f}"),
        Row("- encoding, median / p95, ms (ours off the event loop)", "not told", spread(ours.encode_ms)),
        Row(
            "- longest stall of the event loop in a turn, median / p95, ms",
            spread(theirs.stall_ms),
            spread(ours.stall_ms),
        ),
        Row(
            f"- items on the server after {plan.long_turns} turns (pictures)",
            f"{theirs.held[0]} ({theirs.held[1]})",
            f"{ours.held[0]} ({ours.held[1]})",
            "1 picture" if deletes else "bounded by the window",
            ours.held[1] <= 1 if deletes else None,
        ),
        Row("- tokens a minute for pictures", f"{theirs.tokens:,.0f}", f"{ours.tokens:,.0f}"),
        Row("- speech end to first sound, median / p95, ms", spread(theirs.delay_ms), spread(ours.delay_ms)),
        Row("- the same as a ratio of medians", "1", str(ratio), "no slower", ratio.low <= 1.0),
    ]


async def _conversation(call: Call) -> Entry:
    return (await call.stage.sandbox.requests("realtime"))[-1]


async def _paces(call: Call, plan: Plan, measured: Measured) -> None:
    began = time.time()
    await asyncio.sleep(plan.window_s)
    ended = time.time()
    measured.silent = _rate(await _conversation(call), [(began, ended)])
    speech, windows = call.stage.speech, []
    for number in range(SPEECHES):
        await call.stage.sandbox.script(f"Sentence {number}.", "Yes.")
        began = time.time()
        spoken = await call.caller.speak_pcm(speech.long, speech.sample_rate)
        windows.append((began, spoken.ended))
        await call.caller.reply(after=spoken.ended, timeout_s=60)
    measured.speaking = _rate(await _conversation(call), windows)


def _rate(entry: Entry, windows: list[tuple[float, float]]) -> float:
    """Pictures a minute that came in these spans of time."""
    count = sum(any(began <= frame.at < ended for began, ended in windows) for frame in entry.frames)
    return count / sum(ended - began for began, ended in windows) * 60


async def _turns(call: Call, turns: int, measured: Measured) -> None:
    await call.ask()  # whatever is loaded on first use is not video's
    for _ in range(turns):
        turn = await call.ask()
        check(turn.images, f"a turn of {call.worker.name} was blind")
        measured.delay_ms.append(turn.reply.delay_s * 1000)
    logged = [line for line in call.worker.logged("turn_completed") if line["room"] == call.caller.room.name]
    measured.stall_ms += [line["stall_ms"] for line in logged[-turns:]]
    measured.encode_ms += [line["encode_ms"] for line in logged[-turns:] if line["encode_ms"]]


async def _long(call: Call, turns: int, measured: Measured) -> None:
    began, tokens = time.monotonic(), 0
    for number in range(turns):
        turn = await call.write(f"Question {number}?")
        tokens += sum(image_tokens(image) if measured.provider == "openai" else PICTURE_TOKENS for image in turn.images)
        if number % 20 == 19:
            say(f"realtime: {call.worker.name}, {number + 1} turns, {len(turn.images)} pictures in the last")
    entry = await _conversation(call)
    measured.held = (entry.held, entry.held_images)
    measured.tokens = tokens / (time.monotonic() - began) * 60
    check(entry.held_images > 0, "the conversation ended without a picture")
