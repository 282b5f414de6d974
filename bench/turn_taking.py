"""Turn taking: how soon each way answers, and how often it takes a pause for the end of a sentence."""

import statistics
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bench.calls import Call, open_call
from bench.checks import check
from bench.pauses import judge as judge_pauses
from bench.plan import Plan
from bench.report import Row, Section, percentile, ratio_of_medians
from bench.sentences import PAUSES_S, Sentence, record
from bench.stage import Stage, say
from bench.workers import STOCK, Contender, Worker
from sandbox.caller.journal import SoundBegan
from sandbox.turn import judge

GOAL = 0.8
HELD_S = 2.0
"""A turn that is answered later than this counts as held."""
ROUND = 2 * len(PAUSES_S)
JUDGED_ROUNDS = 6
"""Of recordings that are judged without a call, which takes less than a second each."""

_MODEL = {"TURN__DETECTION": "model", "TURN__MIN_SILENCE_S": "0.25", "TURN__MIN_DELAY_S": "0.3"}
_EARLY = {"TURN__PREEMPTIVE_SPEECH": "true"}
OURS_EARLY = Contender("vad-early-speech", stock=False, settings=_EARLY)
OURS_SHORT = Contender("vad-0.35-s", stock=False, settings={"TURN__MIN_SILENCE_S": "0.35", "TURN__MIN_DELAY_S": "0.35"})
OURS_MODEL = Contender("model-0.3-to-1-s", stock=False, settings={**_MODEL, **_EARLY, "TURN__MAX_DELAY_S": "1"})
CONTENDERS = (STOCK, OURS_EARLY, OURS_SHORT, OURS_MODEL)
"""Ours with the settings of its defaults takes turns exactly as stock does."""

METHOD = (
    "Turns: {count} recorded sentences for each contender (in brackets: stock, the framework's defaults), half of them "
    "whole questions, half with a pause of 0.2, 0.4, 0.6, 0.8 or 1.0 s inside, after a clause or in the middle of one; "
    "the same recordings for all, spoken by the sandbox's voice, {each} to a call, a call of one contender after that "
    "of another and round again. Nothing is shown. From the last voiced frame that the caller sent to the first "
    "that it heard. A wrong cut: the agent is heard inside the sentence, or the request behind the answer that was "
    "heard holds only the part after the pause, as the first was taken for a turn. The listener sends its transcript "
    "0.25 s after the voice falls silent. The ratio is of medians over all sentences that neither contender cut, with "
    "the interval of 95 % of bootstrap draws."
)


@dataclass
class Outcome:
    """What became of the sentences of one contender, in their order."""

    sentences: list[Sentence] = field(default_factory=list)
    delay_ms: list[float] = field(default_factory=list)
    cut: list[bool] = field(default_factory=list)
    rss_mb: float = 0.0
    uss_mb: float = 0.0
    cpu_s: float = 0.0

    def cuts(self) -> str:
        """How many, and at which pauses."""
        told = []
        for pause_s in PAUSES_S:
            cut = [cut for sentence, cut in zip(self.sentences, self.cut, strict=True) if sentence.pause_s == pause_s]
            told.append(f"{pause_s:g} s: {sum(cut)}/{len(cut)}")
        return f"{sum(self.cut)} ({', '.join(told)})"

    def delays(self) -> str:
        """Of all."""
        return (
            f"{statistics.median(self.delay_ms):.0f} / {percentile(self.delay_ms, 95):.0f} / {max(self.delay_ms):.0f}"
        )


async def measure(stage: Stage, plan: Plan) -> list[Section]:
    """Say every sentence to each contender."""
    sentences, rate = await record(plan.pause_rounds)
    outcomes = {contender: Outcome() for contender in CONTENDERS}
    async with AsyncExitStack() as running:
        workers = [await running.enter_async_context(stage.worker(contender)) for contender in CONTENDERS]
        for first in range(0, len(sentences), ROUND):
            for worker in workers:
                await _hold(stage, worker, sentences[first : first + ROUND], rate, outcomes[worker.contender])
            say(f"turn taking: {first + ROUND} of {len(sentences)} sentences")
            for contender, outcome in outcomes.items():
                say(f"  {contender.name}: {outcome.delays()} ms, cut {outcome.cuts()}")
    method = METHOD.format(count=len(sentences), each=ROUND)
    rows = [row for contender in CONTENDERS[1:] for row in _rows(contender, outcomes)]
    return [Section(rows, method), Section([], await judge_pauses(JUDGED_ROUNDS))]


async def _hold(stage: Stage, worker: Worker, sentences: list[Sentence], rate: int, outcome: Outcome) -> None:
    async with open_call(stage, worker, size=None) as call:
        await call.ask()  # whatever is loaded on first use is not the turn's
        before = call.cpu_s()
        for sentence in sentences:
            await _say(call, sentence, rate, outcome)
        outcome.cpu_s += call.cpu_s() - before
        outcome.rss_mb, outcome.uss_mb = call.rss_mb(), call.uss_mb()


async def _say(call: Call, sentence: Sentence, rate: int, outcome: Outcome) -> None:
    sandbox = call.stage.sandbox
    await sandbox.clear()
    for part in sentence.parts:
        await sandbox.script(part)
    spoken = await call.caller.speak_pcm(sentence.pcm, rate)
    turn = await judge(sandbox, await call.caller.reply(after=spoken.ended, timeout_s=30))
    heard = [event for event in call.caller.journal.of(SoundBegan, spoken.started) if event.at < spoken.ended]
    asked = [message.text for message in turn.request.messages if message.role == "user"][-1]
    whole = sentence.text in " ".join(asked.split())
    check(whole or sentence.parts[-1] in asked, f"the answer is to {asked!r}, not to {sentence.text!r}")
    outcome.sentences.append(sentence)
    outcome.delay_ms.append(turn.reply.delay_s * 1000)
    outcome.cut.append(bool(heard) or not whole)


def _rows(contender: Contender, outcomes: dict[Contender, Outcome]) -> list[Row]:
    stock, ours = outcomes[STOCK], outcomes[contender]
    pairs = zip(stock.delay_ms, ours.delay_ms, stock.cut, ours.cut, strict=True)
    uncut = [(theirs, own) for theirs, own, cut, own_cut in pairs if not cut and not own_cut]
    ratio = ratio_of_medians([own for _, own in uncut], [theirs for theirs, _ in uncut])
    name = contender.name
    turns = len(ours.delay_ms)
    return [
        Row(
            f"{name}: speech end to first sound, median / p95 / longest, ms",
            stock.delays(),
            ours.delays(),
            f"none over {HELD_S * 1000:.0f}",
            max(ours.delay_ms) <= HELD_S * 1000,
        ),
        Row("- its ratio to stock", "-", str(ratio), f"at most {GOAL}", ratio.value <= GOAL),
        Row("- wrong cuts", stock.cuts(), ours.cuts(), "no more than stock", sum(ours.cut) <= sum(stock.cut)),
        Row(
            "- memory of the job process, of it unshared, MB; CPU s a turn",
            f"{stock.rss_mb:.0f}, {stock.uss_mb:.0f}; {stock.cpu_s / turns:.2f}",
            f"{ours.rss_mb:.0f}, {ours.uss_mb:.0f}; {ours.cpu_s / turns:.2f}",
        ),
    ]
