"""Conversations that a client may take up again, by the handles that it was given."""

import secrets
from collections import OrderedDict

from sandbox.realtime.conversation import Item

MAX_HANDLES = 256


class Resumable:
    """What was said until each handle was given. Drops the oldest: a provider forgets them, too."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, list[Item]] = OrderedDict()

    def keep(self, items: list[Item]) -> str:
        """Remember a conversation as it is now; its handle."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = list(items)
        while len(self._kept) > MAX_HANDLES:
            self._kept.popitem(last=False)
        return handle

    def take_up(self, handle: str) -> list[Item]:
        """The conversation of a handle, which stays good.

        Raises:
            KeyError: There is none.
        """
        return list(self._kept[handle])
