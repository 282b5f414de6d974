"""Only addresses that are for everybody are public."""

from ipaddress import ip_address

import pytest

from agent.uploads.public import is_public


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.0"),
        *("192.0.1.1", "192.89.0.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
        *("2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2003::1"),
    ],
)
def test_public_address_is_public(address: str) -> None:
    """The neighbours of what is refused, too."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("what", "addresses"),
    [
        ("unspecified", ["0.0.0.0", "0.1.2.3", "::"]),  # noqa: S104
        ("loopback", ["127.0.0.1", "127.255.255.255", "::1"]),
        ("private", ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"]),
        ("link-local", ["169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"]),
        ("site-local", ["fec0::1", "feff::1"]),
        ("behind a provider's NAT", ["100.64.0.1", "100.127.255.255"]),
        ("cloud metadata", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"]),
        ("protocols", ["192.0.0.1", "192.0.0.9", "192.0.0.170", "192.0.0.255", "2001:1::1", "2001:20::1"]),
        ("documentation", ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"]),
        ("benchmark", ["198.18.0.1", "198.19.255.255", "2001:2::1"]),
        ("multicast", ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"]),
        ("reserved", ["240.0.0.1", "255.255.255.255", "4000::1", "5f00::1", "100::1", "200::1"]),
        ("mapped", ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"]),
        ("compatible", ["::127.0.0.1", "::8.8.8.8"]),
        ("6to4", ["2002:7f00:1::", "2002:808:808::1", "192.88.99.1"]),
        ("Teredo", ["2001::1", "2001:0:808:808::1"]),
        ("NAT64", ["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1"]),
        ("with a zone", ["2606:4700::1111%eth0"]),
    ],
)
def test_special_address_is_not_public(what: str, addresses: list[str]) -> None:
    """Translated ones neither, whatever they are translated to."""
    assert [each for each in addresses if is_public(ip_address(each))] == [], what
