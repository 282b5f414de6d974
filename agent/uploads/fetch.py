"""Fetches a picture from a public https address, and from no other.

Each connection, however its host was written and wherever a redirect led, is made with a socket from `_Door`. It judges
the very address that is connected to next, so a name can't be answered differently between check and use.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from agent.errors import FetchError
from agent.uploads.public import IPAddress, is_public

MAX_REDIRECTS: Final = 3

_HEADERS: Final = {"User-Agent": "Sighted (LiveKit voice agent)", "Accept": "image/*", "Accept-Encoding": "identity"}


async def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_s: float,
    is_allowed: Callable[[IPAddress], bool] = is_public,
    ssl_context: ssl.SSLContext | None = None,
    resolver: AbstractResolver | None = None,
) -> list[bytes]:
    """Get a file, following up to three redirects.

    Args:
        url: An https address without user and password.
        max_bytes: Of the file; a security limit.
        timeout_s: For everything, from the look-up of the name to the last byte.
        is_allowed: Whether an address may be connected to.
        ssl_context: Whom to trust; the system's authorities by default.
        resolver: Who looks names up; the system by default.

    Returns:
        The file in pieces, at least one, as it was sent: what a server packed unasked stays packed.

    Raises:
        FetchError: If there is no such file, or it may not be had.
    """
    target = _target(url)
    door = _Door(is_allowed)
    connector = aiohttp.TCPConnector(
        ssl=ssl_context or True, socket_factory=door.open, resolver=resolver, use_dns_cache=False
    )
    session = aiohttp.ClientSession(
        connector=connector,
        headers=_HEADERS,
        timeout=aiohttp.ClientTimeout(),  # none but ours
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,  # no proxy, which would connect in our place
        auto_decompress=False,
    )
    try:
        async with asyncio.timeout(timeout_s), session:
            return await _follow(session, target, max_bytes)
    except TimeoutError:
        raise _failed(target, f"it did not arrive within {timeout_s:g} seconds") from None
    finally:
        door.close()


class _NotAllowedError(OSError):
    """An address may not be connected to. An `OSError`, since aiohttp loses what else a socket factory raises."""


class _Door:
    """Makes the sockets of one fetch, each for one address, which is judged before."""

    def __init__(self, is_allowed: Callable[[IPAddress], bool]):
        self._is_allowed = is_allowed
        self._sockets: list[socket.socket] = []

    def open(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """A socket for an address.

        Raises:
            _NotAllowedError: If the address is not allowed, or is a name, which asyncio would look up by itself.
        """
        family, kind, protocol, _, (host, *_) = info
        try:
            address = ip_address(host)
        except ValueError:
            raise _NotAllowedError from None
        if not self._is_allowed(address):
            raise _NotAllowedError
        self._sockets.append(socket.socket(family, kind, protocol))
        return self._sockets[-1]

    def close(self) -> None:
        """End the connections at once: TLS would wait half a minute for the other side's farewell."""
        for each in self._sockets:
            with suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)


async def _follow(session: aiohttp.ClientSession, url: URL, max_bytes: int) -> list[bytes]:
    for _ in range(1 + MAX_REDIRECTS):
        try:
            async with session.get(url, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in {301, 302, 303, 307, 308} or location is None:
                    return await _read(response, max_bytes)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failed(url, _reason(error)) from None  # the error may show the whole address
        url = _target(location, url)
    raise _failed(url, f"it was redirected over {MAX_REDIRECTS} times, which is the limit")


def _target(text: str, base: URL | None = None) -> URL:
    """The address to ask next: the first one, or where `base` redirects to."""
    where = "it is redirected to" if base else "it is given by"
    try:
        url = base.join(URL(text)) if base else URL(text)
    except ValueError:
        raise _failed(base, f"{where} what is no valid address") from None
    if url.scheme != "https":
        raise _failed(base or url, f"{where} {url.scheme or 'no protocol'}, and only https is allowed")
    if not url.raw_host or url.raw_user is not None or url.raw_password is not None:
        raise _failed(base or url, f"{where} an address without host or with a password, and neither is allowed")
    return url


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> list[bytes]:
    if response.status != 200:
        raise _failed(response.url, f"the server answered with status {response.status}, and only 200 is allowed")
    if (declared := response.content_length or 0) > max_bytes:
        raise _failed(response.url, f"it has {declared:,} bytes, at most {max_bytes:,}")
    pieces: list[bytes] = []
    left = max_bytes
    async for piece in response.content.iter_any():
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            raise _failed(response.url, f"it has over {max_bytes:,} bytes, which is the limit")
    if not pieces:
        raise _failed(response.url, "it is empty")
    return pieces


def _reason(error: Exception) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
    reasons: list[tuple[type[Exception], str]] = [
        (_NotAllowedError, "the server's address is not public, and only public ones are allowed"),
        (aiohttp.ClientConnectorDNSError, "the server's name is not known"),
        (
            ssl.SSLCertVerificationError,
            f"the server's certificate is not valid ({getattr(cause, 'verify_message', '')})",
        ),
        (ssl.SSLError, "the server does not speak TLS as it should"),
        (ConnectionRefusedError, "the server refused the connection"),
        (aiohttp.ClientConnectorError, "the server can't be reached"),
        (aiohttp.ClientResponseError, "the server does not speak HTTP as it should"),
        (ValueError, "the server's name is not valid"),
    ]
    fitting = (reason for kind, reason in reasons if isinstance(cause, kind) or isinstance(error, kind))
    return next(fitting, "the connection broke off")


def _failed(url: URL | None, why: str) -> FetchError:
    """Names the host alone: path and query may be secret."""
    host = (url and url.host_port_subcomponent) or "an unknown host"
    return FetchError(f"The picture at {host if len(host) <= 80 else f'{host[:77]}...'} can't be fetched: {why}.")
