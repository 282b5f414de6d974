"""Which addresses of the internet are for everybody."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

IPAddress = IPv4Address | IPv6Address

_UNICAST_V6: Final = ip_network("2000::/3")
"""All there is of IPv6 for the public; mapped, translated, local and multicast addresses lie outside."""
_SPECIAL: Final = [
    ip_network(block)
    for block in (
        *("0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("100.64.0.0/10", "168.63.129.16/32"),  # behind a provider's NAT; Azure's services for its own machines
        *("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),  # protocols, 6to4 relays, benchmarks
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),  # documentation
        *("224.0.0.0/4", "240.0.0.0/4"),  # multicast, reserved
        *("2001::/23", "2002::/16"),  # protocols, with Teredo and benchmarks; 6to4
    )
]
"""Not for the public, by IANA's registries; `is_global` of Python 3.11.7 knows only some of them."""


def is_public(address: IPAddress) -> bool:
    """Whether an address is globally routable, unicast, and no way to a private one."""
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _UNICAST_V6):
        return False
    return address.is_global and not any(address in block for block in _SPECIAL)
