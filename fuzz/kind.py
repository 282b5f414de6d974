"""Any bytes as a file whose kind is asked: told by its start alone, in words that are ours."""

import sys

import atheris

with atheris.instrument_imports(include=["agent"]):
    from agent.uploads.kind import KINDS, described, kind_of


def check(data: bytes) -> None:
    """Judge what one file is called."""
    kind = kind_of(data)
    assert kind is None or kind in KINDS
    assert kind_of(data[:256]) == kind
    words = described(data)
    assert words.replace(" ", "").isalpha()
    assert len(words) < 20


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
