"""Faults that were ordered, and who meets them next."""

from dataclasses import dataclass
from typing import Any, Literal, cast

from sandbox.control.entries import PROVIDERS, VENDORS, Provider, Vendor
from sandbox.control.orders import BadOrder, only_keys, take_choice, take_int

Kind = Literal["error", "hang", "drop", "slow", "refuse_image", "cut", "go_away"]
KINDS: tuple[Kind, ...] = ("error", "hang", "drop", "slow", "refuse_image", "cut", "go_away")
_OF_ONE: dict[Kind, Provider] = {"refuse_image": "llm", "go_away": "realtime"}
"""What only one provider can do."""

HANG_S = 300.0
"""Seconds after which even a hanging request ends."""

MAX_ORDERS = 100


@dataclass
class Fault:
    """One kind of trouble, for the next `count` requests to a provider."""

    provider: Provider
    kind: Kind
    count: int = 1
    status: int = 500
    """HTTP status of an `error`."""
    delay_ms: int = 5_000
    """Milliseconds added by `slow`, or left by `go_away`."""
    vendor: Vendor = ""
    """The one whose protocol meets it; empty: whichever is asked."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fault":
        """The fault in a JSON object.

        Raises:
            BadOrder: A missing or unknown key, or a value that is not allowed.
        """
        only_keys(data, {"provider", "kind", "count", "status", "delay_ms", "vendor"})
        fault = cls(
            cast("Provider", take_choice(data, "provider", PROVIDERS)),
            cast("Kind", take_choice(data, "kind", KINDS)),
            take_int(data, "count", 1, 1, 1_000),
            take_int(data, "status", 500, 400, 599),
            take_int(data, "delay_ms", 5_000, 0, 120_000),
            cast("Vendor", take_choice({"vendor": "", **data}, "vendor", VENDORS)),
        )
        able = _OF_ONE.get(fault.kind, fault.provider)
        if fault.provider != able:
            raise BadOrder(f"provider is {fault.provider!r}, only {able} can {fault.kind}")
        return fault


class Faults:
    """Orders, first in first out for each provider."""

    def __init__(self) -> None:
        self._orders: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Take an order.

        Raises:
            BadOrder: Too many are waiting.
        """
        if len(self._orders) >= MAX_ORDERS:
            raise BadOrder(f"{len(self._orders)} faults are waiting, at most {MAX_ORDERS}")
        self._orders.append(fault)

    def take(self, provider: Provider, kinds: tuple[Kind, ...] = KINDS, *, vendor: Vendor = "") -> Fault | None:
        """The first waiting fault of one of these `kinds` that is for this `vendor` or any, counted as met once."""
        for fault in self._orders:
            if fault.provider == provider and fault.kind in kinds and fault.vendor in ("", vendor):
                fault.count -= 1
                if fault.count == 0:
                    self._orders.remove(fault)
                return fault
        return None

    def waiting(self) -> list[Fault]:
        """What was ordered and not met yet."""
        return list(self._orders)

    def clear(self) -> None:
        """Withdraw every order."""
        self._orders.clear()
