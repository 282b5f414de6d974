"""Reading what somebody ordered over HTTP: found and allowed, in one sentence."""

from typing import Any

MAX_TEXT_CHARS = 20_000


class BadOrder(ValueError):  # noqa: N818  # says what it is
    """An order that cannot be carried out; the message says what was found and what is allowed."""


def only_keys(data: dict[str, Any], allowed: set[str]) -> None:
    """Refuse other keys.

    Raises:
        BadOrder: There is one.
    """
    if unknown := sorted(set(data) - allowed):
        raise BadOrder(f"unknown key {unknown[0]!r}, allowed: {', '.join(sorted(allowed))}")


def take_text(data: dict[str, Any], key: str) -> str:
    """A text that is not empty.

    Raises:
        BadOrder: It is missing, empty, too long or something else.
    """
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadOrder(f"{key} is {value!r}, it must be a text that is not empty")
    if len(value) > MAX_TEXT_CHARS:
        raise BadOrder(f"{key} has {len(value):,} characters, at most {MAX_TEXT_CHARS:,}")
    return value


def take_object(data: dict[str, Any], key: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BadOrder: It is missing or something else.
    """
    value = data.get(key)
    if not isinstance(value, dict):
        raise BadOrder(f"{key} is {value!r}, it must be a JSON object")
    return value


def take_choice(data: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    """One of the `allowed` words.

    Raises:
        BadOrder: It is another word, or none.
    """
    value = data.get(key)
    if value not in allowed:
        raise BadOrder(f"{key} is {value!r}, allowed: {', '.join(allowed)}")
    return str(value)


def take_bool(data: dict[str, Any], key: str, default: bool) -> bool:  # noqa: FBT001  # the value itself
    """True or false.

    Raises:
        BadOrder: It is something else.
    """
    value = data.get(key, default)
    if not isinstance(value, bool):
        raise BadOrder(f"{key} is {value!r}, allowed: true, false")
    return value


def take_int(data: dict[str, Any], key: str, default: int, lowest: int, highest: int) -> int:
    """A whole number from `lowest` to `highest`.

    Raises:
        BadOrder: It is something else.
    """
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise BadOrder(f"{key} is {value!r}, it must be a whole number from {lowest:,} to {highest:,}")
    return value
