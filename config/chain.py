"""Providers of one kind in the order in which they are asked: the first, and those that step in when it fails."""

import re
from dataclasses import dataclass
from typing import Final

MAX_FALLBACKS: Final = 4
"""More would each be waited for in turn: by then the caller has hung up."""

STT_MODELS: Final = {"deepgram": "nova-3", "openai": "gpt-4o-mini-transcribe"}
TTS_MODELS: Final = {"cartesia": "sonic-3", "openai": "gpt-4o-mini-tts"}
"""The providers of speech, each with the model that is taken where none is named."""


@dataclass(frozen=True, slots=True)
class Speech:
    """A provider of speech.

    Attributes:
        provider: One of `STT_MODELS` or `TTS_MODELS`.
        model: As the provider names it.
        voice: Of a speaker, as the provider names it; empty for the default.
    """

    provider: str
    model: str
    voice: str = ""

    @property
    def label(self) -> str:
        """For logs and metrics."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Model:
    """A language model.

    Attributes:
        name: As its server names it.
        base_url: Its server's address with `/v1`; empty for `OPENAI_BASE_URL`.
    """

    name: str
    base_url: str = ""

    @property
    def label(self) -> str:
        """For logs and metrics."""
        return f"openai/{self.name}" if not self.base_url else self.name


def parse_speech(text: str, known: dict[str, str], *, parts: int) -> Speech:
    """Read `provider[:model[:voice]]`; `parts` is how many there may be.

    Raises:
        ValueError: With what was found and what is allowed.
    """
    provider, *rest = text.split(":", parts - 1)
    if provider not in known:
        raise ValueError(f"found {text!r}, allowed providers: {', '.join(sorted(known))}")
    if not all(rest):
        raise ValueError(f"found {text!r}, expected {':'.join(('provider', 'model', 'voice')[:parts])}")
    model, voice = (*rest, "", "")[:2]
    return Speech(provider, model or known[provider], voice)


def parse_model(text: str) -> Model:
    """Read `model[@address]`.

    Raises:
        ValueError: With what was found and what is allowed.
    """
    found = re.fullmatch(r"(?P<name>[^@\s]+)(@(?P<url>https?://[^\s/@]+(/\S*)?))?", text)
    if found is None:
        raise ValueError(f"found {text!r}, expected model or model@https://host/v1")
    return Model(found["name"], found["url"] or "")


def entries(text: str) -> tuple[str, ...]:
    """What a setting lists, separated by spaces.

    Raises:
        ValueError: If there are too many.
    """
    found = tuple(text.split())
    if len(found) > MAX_FALLBACKS:
        raise ValueError(f"found {len(found)} entries, at most {MAX_FALLBACKS}")
    return found
