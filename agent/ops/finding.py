"""What the doctor found: one line each, as a table or as JSON, and the exit code that follows."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from agent.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_UNAVAILABLE

Status = Literal["ok", "warning", "failed", "skipped"]
Cause = Literal["settings", "contact", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check came to.

    Attributes:
        status: `warning` is no reason not to start.
        found: What was found, without any secret.
        advice: What to do about it; empty where nothing is to be done.
        cause: Of a failure: the settings, something that was contacted, or what nobody thought of.
    """

    status: Status
    found: str
    advice: str = ""
    cause: Cause = "contact"


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's name, what it came to and how long that took; `None` if nothing was done."""

    name: str
    verdict: Verdict
    took_ms: int | None = None


def exit_code(findings: Sequence[Finding]) -> int:
    """Wrong settings count before what can't be reached: with them, who knows what was contacted."""
    causes = {finding.verdict.cause for finding in findings if finding.verdict.status == "failed"}
    by_weight: list[tuple[Cause, int]] = [
        ("settings", EXIT_CONFIG),
        ("contact", EXIT_UNAVAILABLE),
        ("unknown", EXIT_FAILED),
    ]
    return next((code for cause, code in by_weight if cause in causes), EXIT_OK)


def render_table(findings: Sequence[Finding]) -> str:
    """For people: a line for each, below it what to do, and at the end how it stands."""
    rows = [(finding, _took(finding.took_ms)) for finding in findings]
    name_width = max(len(finding.name) for finding, _ in rows)
    time_width = max(len(took) for _, took in rows)
    lines = []
    for finding, took in rows:
        verdict = finding.verdict
        before = f"{finding.name:<{name_width}}  {verdict.status:<7}  {took:>{time_width}}  "
        lines.append(f"{before}{_one_line(verdict.found)}")
        if verdict.advice:
            lines.append(f"{' ' * len(before)}> {_one_line(verdict.advice)}")
    return "\n".join([*lines, "", _summary(findings)])


def render_json(findings: Sequence[Finding]) -> str:
    """For programs: the same as one object."""
    listed = [
        {"name": finding.name, **asdict(finding.verdict), "took_ms": finding.took_ms}
        | ({} if finding.verdict.status == "failed" else {"cause": None})
        for finding in findings
    ]
    return json.dumps({"exit_code": exit_code(findings), "findings": listed}, ensure_ascii=False, indent=2)


def _took(milliseconds: int | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:,} ms"


def _one_line(text: str) -> str:
    """What others wrote may hold anything, which must not draw on the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


def _summary(findings: Sequence[Finding]) -> str:
    counts = {
        status: sum(finding.verdict.status == status for finding in findings)
        for status in ("failed", "warning", "skipped")
    }
    told = [
        f"{counts['failed']} failed",
        f"{counts['warning']} to look at",
        f"{counts['skipped']} not checked",
    ]
    notable = [words for words, count in zip(told, counts.values(), strict=True) if count]
    if not counts["failed"]:
        return "Ready for calls." if not notable else f"Ready for calls; {', '.join(notable)}."
    return f"Not ready: {', '.join(notable)}."
