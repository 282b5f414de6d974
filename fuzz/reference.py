"""Any text as a reference to a picture: what it means, or a short error that tells no secret."""

import sys
from urllib.parse import urlsplit

import atheris

with atheris.instrument_imports(include=["config"]):
    from config.reference import MAX_URL_CHARACTERS, DataUrl, LocalFile, Remote, parse_reference, parse_references

_MESSAGE = 300
"""Characters, of the reference at most 60 of them."""
_PASSWORD = "hunter2"  # noqa: S105 - nobody's


def check(data: bytes) -> None:
    """Judge how one text is read, alone, as a list, and with a password in it."""
    text = data.decode("utf-8", "surrogateescape")
    for files in (False, True):
        _one(text, files=files)
    try:
        parts = parse_references(text)
    except ValueError as error:
        _short(error)
    else:
        assert all(part.strip() for part in parts)
    user, _, rest = text.partition("\n")
    assert _PASSWORD not in _one(f"https://{user}:{_PASSWORD}@{rest}", files=True)


def _one(text: str, *, files: bool) -> str:
    """What can be printed of the outcome."""
    try:
        found = parse_reference(text, files=files)
    except ValueError as error:
        return _short(error)
    if isinstance(found, Remote):
        assert len(found.url) <= MAX_URL_CHARACTERS
        address = urlsplit(found.url)
        assert address.scheme == "https"
        assert address.hostname
        assert address.username is None
    elif isinstance(found, DataUrl):
        assert found.data
    else:
        assert isinstance(found, LocalFile)
        assert files
        assert "\0" not in str(found.path)
    return repr(found)


def _short(error: ValueError) -> str:
    assert type(error) is ValueError, error
    assert len(str(error)) <= _MESSAGE, error
    assert str(error).isprintable(), error
    return str(error)


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
