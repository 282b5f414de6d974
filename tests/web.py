"""A web server on loopback that may be anything, and names that lead anywhere."""

import asyncio
import base64
import gzip
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from agent.uploads.public import IPAddress

HERE = ip_address("127.0.0.1")
MAX_BYTES = 10_000
PICTURE = bytes(range(250)) * 40
"""As large as is allowed."""
BOMB = gzip.compress(bytes(1_000_000))
HIDDEN = "hush-hush"
"""What stands in paths, queries and passwords."""

CERTIFICATE = """
MIIBlDCCATqgAwIBAgIUfdzQDSntDGK0zKmcNt5aNEz64G0wCgYIKoZIzj0EAwIwFzEVMBMGA1UEAwwMc2lnaHRlZCB0ZXN0MCAXDTIwMDEwMTAwMDAw
MFoYDzIxMjAwMTAxMDAwMDAwWjAXMRUwEwYDVQQDDAxzaWdodGVkIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATNFdjxws8RYSR/UWMuCldg
AuSxppwpJybvWDc86WpiTef3IxfQWclKqIDek2mRJz2ZjawdXWIS4gR4K+0Yu2vCo2IwYDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIChDAd
BgNVHQ4EFgQUYvcB1hbv42xMbjxR4gMrvVeVKjcwHgYDVR0RBBcwFYINcGljdHVyZXMudGVzdIcEfwAAATAKBggqhkjOPQQDAgNIADBFAiEA7ulS1A+5
G1TWWLl6//AKoPNRP3lgqTYnv35NV7QykOwCIEVzqbjwhrklW1rnJBkxfhvtfYSygWRvEitzzE59bWH9
"""
"""Signed by itself, for `pictures.test` and 127.0.0.1, from 2020 to 2120.

It stands here because nothing that the project installs can make one, and a test that needs the `openssl` program would
be skipped just where nobody looks. It was made once with `openssl ecparam` and `openssl ca -selfsign`.
"""
KEY = """
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgp+a3d/qj8HjZQ+6dMV/PEaZKKSQiyDO5u1i/8nrEKWShRANCAATNFdjxws8RYSR/UWMu
CldgAuSxppwpJybvWDc86WpiTef3IxfQWclKqIDek2mRJz2ZjawdXWIS4gR4K+0Yu2vC
"""
"""Of the certificate; nothing outside of this file trusts it."""


def pem(label: str, der: str) -> str:
    """The text form in which OpenSSL reads keys and certificates."""
    body = base64.encodebytes(base64.b64decode(der)).decode()
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"


TRUST = ssl.create_default_context(cadata=pem("CERTIFICATE", CERTIFICATE))


def identity(folder: Path) -> ssl.SSLContext:
    """What a server needs to be trusted; `ssl` reads it from a file only."""
    file = folder / "server.pem"
    file.write_text(pem("PRIVATE KEY", KEY) + pem("CERTIFICATE", CERTIFICATE), encoding="ascii")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def only_here(address: IPAddress) -> bool:
    """Stands for `is_public`: the one address that these tests may reach."""
    return address == HERE


class Names(AbstractResolver):
    """Answers each look-up of any name with the next of these lists of addresses; fails when there is none."""

    def __init__(self, *answers: list[str]):
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not self._answers:
            raise OSError("no such name")
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in self._answers.pop(0)
        ]

    async def close(self) -> None:
        """Nothing is open."""


class SilentNames(Names):
    """Never answers."""

    async def resolve(
        self,
        host: str,  # noqa: ARG002
        port: int = 0,  # noqa: ARG002
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        raise AssertionError


class PictureServer:
    """Serves over TLS, well at `/picture` and badly elsewhere, and keeps what it was asked."""

    def __init__(self, elsewhere: str):
        self.port = 0
        self.requests: list[web.Request] = []
        self.stalled = asyncio.Event()
        self._elsewhere = elsewhere

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Where a route is."""
        return f"https://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One route for all: the path says what happens."""
        self.requests.append(request)
        if location := self._redirects().get(request.path):
            moved = web.Response(status=302, headers={"Location": location, "Set-Cookie": "a=b"})
            moved.force_close()  # so that each hop is a look-up and a connection
            return moved
        answers = {
            "/picture": web.Response(body=PICTURE),
            "/packed": web.Response(body=BOMB, headers={"Content-Encoding": "gzip"}),
            "/nothing": web.Response(),
            "/part": web.Response(status=206, body=PICTURE),
            "/redirect_without_location": web.Response(status=302),
            "/missing": web.Response(status=404),
        }
        return answers.get(request.path) or await self._misbehave(request)

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        declared = {"/declares_much": MAX_BYTES + 1, "/declares_more": 100}
        response = web.StreamResponse()
        response.content_length = declared.get(request.path)
        match request.path:
            case "/stall":
                await self._stall()
            case "/no_answer":
                transport.close()
            case "/no_http":
                transport.write(b"220 mail.test ESMTP\r\n")
                await self._stall()
            case "/endless":
                await response.prepare(request)
                while not transport.is_closing():
                    await response.write(bytes(1000))
            case "/declares_much" | "/stall_within":
                await response.prepare(request)
                await self._stall()
            case "/declares_more":
                await response.prepare(request)
                await response.write(b"only this")
                transport.close()
            case "/declares_less":
                transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + PICTURE)
                await self._stall()
            case _:
                raise web.HTTPNotFound
        return response

    async def _stall(self) -> None:
        self.stalled.set()
        await asyncio.Event().wait()

    def _redirects(self) -> dict[str, str]:
        return {
            "/hop": "/picture",
            "/two_hops": "hop",
            "/three_hops": self.url("/two_hops", "pictures.test"),
            "/four_hops": "/three_hops",
            "/loop": "/loop",
            "/to_elsewhere": self._elsewhere,
            "/to_http": f"http://127.0.0.1:{self.port}/picture",
            "/to_file": "file:///etc/passwd",
            "/to_password": f"https://me:{HIDDEN}@127.0.0.1:{self.port}/picture",
            "/to_nonsense": f"https://[{HIDDEN}/",
        }


class Listener:
    """A port at which nobody is heard: connections wait in the kernel, to be counted."""

    def __init__(self, host: str, port: int = 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def was_called(self) -> bool:
        """Whether anyone has connected."""
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
