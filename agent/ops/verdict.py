"""What the doctor makes of what it found. Plain decisions, without a network."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.ops.finding import Verdict

SKEW_WARNING_S: Final = 30.0
"""Seconds between our clock and the server's that are worth a word: half of what the server puts up with."""
SKEW_AHEAD_S: Final = 60.0
"""Seconds that our clock may be ahead.

Every token says that it is not valid before the moment it was made, by our clock, and the server forgives a minute:
asked with such tokens, a real server accepted one of 50 s ahead and refused one of 70 s.
"""
SKEW_BEHIND_S: Final = 6 * 3600.0
"""Seconds that our clock may be behind: so long lives a token that the worker makes for itself.

One of 400 s behind was accepted. It is worth a warning: tokens that an application makes for its callers, by a clock as
wrong, may live for minutes only.
"""

_MAX_QUOTED: Final = 160
"""Characters of a provider's own words."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What to name when something about a provider is wrong.

    Attributes:
        key: The variable of its key.
        address: The variable of its address.
        choices: The variables of what it was asked for: model, language, voice.
        url: Its address.
    """

    key: str
    address: str
    choices: str
    url: str = ""


def judge_clock(skew_s: float) -> Verdict:
    """What the difference between our clock and the server's means; `skew_s` is positive if ours is ahead."""
    found = f"{abs(skew_s):,.1f} s {'ahead of' if skew_s > 0 else 'behind'} the server's"
    if abs(skew_s) <= 1:  # the header counts whole seconds
        return Verdict("ok", "within a second of the server's")
    if abs(skew_s) <= SKEW_WARNING_S:
        return Verdict("ok", found)
    advice = "Set this machine's clock, or the server's: time synchronisation (NTP) is off on one of them."
    if skew_s > SKEW_AHEAD_S or -skew_s > SKEW_BEHIND_S:
        return Verdict("failed", f"{found}: tokens made here are refused", advice)
    return Verdict("warning", found, advice)


def judge_answer(answer: str, shown: Sequence[str], palette: Iterable[str]) -> bool:
    """Whether an answer names the colours that were shown, and none of the others."""
    named = set(re.findall(r"[a-z]+", answer.lower()))
    return {colour for colour in palette if colour in named} == set(shown)


def refused(provider: Provider, status: int, words: str) -> Verdict:
    """What a provider's status means, of HTTP or a WebSocket's end; `words` are its own, without any secret."""
    found = f"refused with HTTP {status}" if 400 <= status < 600 else f"connection ended with code {status}"
    quoted = f"{found}: {quote(words)}" if words else found
    match status:
        case 401 | 403:  # its words may repeat parts of the key
            return Verdict("failed", f"the key is refused (HTTP {status})", f"Check {provider.key}.")
        case 402 | 429:
            return Verdict("failed", quoted, f"Check quota and credit of the account behind {provider.key}.")
        case 404:
            return Verdict("failed", quoted, f"Check {provider.address} and {provider.choices}.")
        case _ if 400 <= status < 500:
            return Verdict("failed", quoted, f"Check {provider.choices}.")
        case _:
            advice = f"The fault is on the other side: try again later, or check {provider.address}."
            return Verdict("failed", quoted, advice)


def status_of_close(code: int, words: str) -> int:
    """The HTTP status that says the same as a WebSocket's end by Gemini; its code where none does."""
    found = words.lower()
    if code == 1007 and "api key" in found:
        return 401
    if code == 1008 and "not found" in found:
        return 404
    return 429 if code == 1011 and ("quota" in found or "exhausted" in found) else code


def complained(provider: Provider, words: str) -> Verdict:
    """A provider said in its own way that something is wrong; `words` are without any secret."""
    return Verdict("failed", quote(words), f"Check {provider.choices}, and the account behind {provider.key}.")


def unreachable(address: str, host: str, reason: str) -> Verdict:
    """Nobody answered at `host`, which the variable `address` names."""
    advice = f"Check {address}, and that this machine may connect to it."
    return Verdict("failed", f"no answer from {host}: {quote(reason)}", advice)


def too_slow(limit_s: float) -> Verdict:
    """A check's time was over."""
    advice = "Check the address, and that a firewall lets this machine through."
    return Verdict("failed", f"no answer within {limit_s:g} s", advice)


def quote(words: str) -> str:
    """Somebody else's words, on one line and not too many."""
    line = " ".join(words.split())
    return line if len(line) <= _MAX_QUOTED else f"{line[: _MAX_QUOTED - 3]}..."


def without(secrets: Iterable[str], text: str) -> str:
    """The text with every secret struck out."""
    for secret in sorted({each for each in secrets if each}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
