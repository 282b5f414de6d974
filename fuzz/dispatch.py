"""Any text as the metadata of a dispatched job: a dispatch, or an error that says what is allowed."""

import sys

import atheris

with atheris.instrument_imports(include=["agent", "config"]):
    from agent.dispatch import Dispatch, parse_dispatch
    from agent.errors import DispatchError


def check(data: bytes) -> None:
    """Judge how one job's metadata is read."""
    try:
        found = parse_dispatch(data.decode("utf-8", "replace"))
    except DispatchError as error:
        _told(str(error))
    else:
        assert parse_dispatch(found.model_dump_json(exclude_none=True)) == found


def _told(message: str) -> None:
    assert all(name in message for name in Dispatch.model_fields), message


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
