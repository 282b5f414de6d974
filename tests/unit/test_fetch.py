"""Fetching a picture from a server that may be anything, by an address that may lead anywhere."""

import asyncio
import os
import socket
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from agent.errors import FetchError
from agent.uploads.fetch import fetch
from agent.uploads.public import IPAddress
from tests.web import (
    BOMB,
    HIDDEN,
    MAX_BYTES,
    PICTURE,
    TRUST,
    Listener,
    Names,
    PictureServer,
    SilentNames,
    identity,
    only_here,
)


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    """What stands at an address that may not be connected to."""
    with closing(Listener("127.0.0.2")) as listener:
        yield listener


@pytest.fixture
async def server(elsewhere: Listener, tmp_path: Path) -> AsyncIterator[PictureServer]:
    """A server at the address that is allowed."""
    pictures = PictureServer(f"https://127.0.0.2:{elsewhere.port}/")
    app = web.Application()
    app.router.add_get("/{path:.*}", pictures.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=identity(tmp_path)).start()
    pictures.port = runner.addresses[0][1]
    yield pictures
    await runner.cleanup()


async def get(url: str, names: AbstractResolver | None = None, timeout_s: float = 60) -> bytes:
    """Fetch from this machine, which these tests allow."""
    pieces = await fetch(
        url, max_bytes=MAX_BYTES, timeout_s=timeout_s, is_allowed=only_here, ssl_context=TRUST, resolver=names
    )
    assert all(pieces)
    return b"".join(pieces)


async def test_picture_arrives_as_it_is(server: PictureServer) -> None:
    """Of exactly the size that is allowed."""
    assert await get(server.url("/picture")) == PICTURE


async def test_request_tells_who_asks_and_no_more(server: PictureServer) -> None:
    """No cookie comes back, no referrer is told, and nothing packed is asked for, after redirects neither."""
    assert await get(server.url("/two_hops")) == PICTURE
    assert [request.path for request in server.requests] == ["/two_hops", "/hop", "/picture"]
    for request in server.requests:
        assert dict(request.headers) == {
            "Host": f"127.0.0.1:{server.port}",
            "User-Agent": "Sighted (LiveKit voice agent)",
            "Accept": "image/*",
            "Accept-Encoding": "identity",
        }


async def test_three_redirects_are_followed(server: PictureServer) -> None:
    """Relative ones and one to another host."""
    names = Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"])
    assert await get(server.url("/three_hops"), names) == PICTURE
    hosts = [request.host.partition(":")[0] for request in server.requests]
    assert hosts == ["127.0.0.1", "pictures.test", "pictures.test", "pictures.test"]


async def test_what_is_packed_stays_packed(server: PictureServer) -> None:
    """A bomb does not go off here."""
    assert await get(server.url("/packed")) == BOMB


async def test_proxy_of_the_environment_is_not_asked(server: PictureServer) -> None:
    """It would connect in our place, to whatever it likes."""
    before = dict(os.environ)
    with closing(Listener("127.0.0.1")) as proxy:
        os.environ.update({"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": ""})
        os.environ.pop("no_proxy", None)
        try:
            assert await get(server.url("/picture")) == PICTURE
        finally:
            os.environ.clear()
            os.environ.update(before)
        assert not proxy.was_called()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "the server answered with status 404, and only 200 is allowed"),
        ("/part", "the server answered with status 206, and only 200 is allowed"),
        ("/redirect_without_location", "the server answered with status 302, and only 200 is allowed"),
        ("/nothing", "it is empty"),
        ("/declares_much", "it has 10,001 bytes, at most 10,000"),
        ("/endless", "it has over 10,000 bytes, which is the limit"),
        ("/declares_more", "the connection broke off"),
        ("/declares_less", "the server does not speak HTTP as it should"),
        ("/no_answer", "the connection broke off"),
        ("/no_http", "the server does not speak HTTP as it should"),
        ("/loop", "it was redirected over 3 times, which is the limit"),
        ("/to_http", "it is redirected to http, and only https is allowed"),
        ("/to_file", "it is redirected to file, and only https is allowed"),
        ("/to_password", "it is redirected to an address without host or with a password, and neither is allowed"),
        ("/to_nonsense", "it is redirected to what is no valid address"),
    ],
)
async def test_what_goes_wrong_is_told_in_a_sentence(server: PictureServer, path: str, reason: str) -> None:
    """It names the host, but neither path nor query, and the traceback doesn't either."""
    with pytest.raises(FetchError) as caught:
        await get(server.url(f"{path}?key={HIDDEN}"))
    assert str(caught.value) == f"The picture at 127.0.0.1:{server.port} can't be fetched: {reason}."
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


async def test_fourth_redirect_is_not_followed(server: PictureServer) -> None:
    """Three are allowed."""
    with pytest.raises(FetchError, match="redirected over 3 times"):
        await get(server.url("/four_hops"), Names(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]))
    assert [request.path for request in server.requests] == ["/four_hops", "/three_hops", "/two_hops", "/hop"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"http://pictures.test/{HIDDEN}", "pictures.test can't be fetched: it is given by http, and only https is"),
        ("ws://pictures.test/", "pictures.test can't be fetched: it is given by ws, and only https is"),
        (f"/etc/{HIDDEN}", "an unknown host can't be fetched: it is given by no protocol, and only https is"),
        (f"https://me:{HIDDEN}@pictures.test/", "pictures.test can't be fetched: it is given by an address without"),
        (f"https://{HIDDEN}@pictures.test/", "pictures.test can't be fetched: it is given by an address without"),
        (f"https:///{HIDDEN}", "an unknown host can't be fetched: it is given by an address without host or with a"),
        (f"https://pictures.test:{HIDDEN}/", "an unknown host can't be fetched: it is given by what is no valid"),
        (f"https://{'w' * 100}/", f"{'w' * 77}... can't be fetched: the server's name is not valid"),
        ("https://pictures..test/", "pictures..test can't be fetched: the server's name is not valid"),
    ],
)
async def test_what_is_no_such_address_is_refused(url: str, reason: str) -> None:
    """Nobody is asked."""
    with pytest.raises(FetchError) as caught:
        await fetch(url, max_bytes=MAX_BYTES, timeout_s=60)
    assert str(caught.value).startswith(f"The picture at {reason}")
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("path", ["/stall", "/stall_within"])
async def test_server_that_stalls_is_left(server: PictureServer, path: str) -> None:
    """Before its answer and within; the limit may also pass before it is asked."""
    with pytest.raises(FetchError, match=r"127.0.0.1:\d+ can't be fetched: it did not arrive within 0.3 seconds.$"):
        await get(server.url(path), timeout_s=0.3)


async def test_look_up_and_handshake_take_of_the_same_time(elsewhere: Listener) -> None:
    """Everything does."""
    with pytest.raises(FetchError, match="did not arrive within"):
        await get("https://pictures.test/", SilentNames(), timeout_s=0.05)
    with pytest.raises(FetchError, match="did not arrive within"):
        await fetch(
            f"https://127.0.0.2:{elsewhere.port}/", max_bytes=MAX_BYTES, timeout_s=0.05, is_allowed=lambda _: True
        )


async def test_server_that_ignores_the_farewell_is_left_too(tmp_path: Path) -> None:
    """TLS alone would hold the connection for 30 seconds more."""
    context = identity(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hear_until_the_end() -> None:
            accepted = listening.accept()[0]
            # A handshake may fail where a machine is so slow that the limit passes before; that is an end, too.
            with suppress(OSError), context.wrap_socket(accepted, server_side=True) as tls:
                tls.recv(1000)
                with socket.socket(fileno=tls.detach()) as plain:
                    while plain.recv(1000):
                        pass

        hearing = asyncio.create_task(asyncio.to_thread(hear_until_the_end))
        with pytest.raises(FetchError, match="did not arrive within"):
            await get(f"https://127.0.0.1:{listening.getsockname()[1]}/", timeout_s=2)
        async with asyncio.timeout(20):
            await hearing


async def test_cancellation_passes_through(server: PictureServer) -> None:
    """Whoever waits may stop waiting."""
    fetching = asyncio.create_task(get(server.url("/stall")))
    await server.stalled.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "0", "127.1", "127.0.1", "127.0.0.1."),  # noqa: S104
        *("2130706433", "0x7f.1", "0x7f000001", "0x7f.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "0177.1"),
        *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::1%25lo]"),
        *("１２７.0.0.1", "127。0。0。1", "①②⑦.⓪.⓪.①"),  # noqa: RUF001
    ],
)
async def test_own_machine_is_never_connected_to(host: str) -> None:
    """However it is spelt."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(Listener("127.0.0.1")))]
        with suppress(OSError):  # no IPv6 here
            listeners.append(stack.enter_context(closing(Listener("::1", listeners[0].port))))
        with pytest.raises(FetchError, match=r"address is not public|name is not valid|no valid address"):
            await fetch(f"https://{host}:{listeners[0].port}/", max_bytes=MAX_BYTES, timeout_s=60)
        assert not any(listener.was_called() for listener in listeners)


async def test_redirect_leads_to_no_address_that_is_not_allowed(server: PictureServer, elsewhere: Listener) -> None:
    """Each hop passes the same check."""
    with pytest.raises(FetchError, match=f"127.0.0.2:{elsewhere.port} can't be fetched: .* address is not public"):
        await get(server.url("/to_elsewhere"))
    assert not elsewhere.was_called()


async def test_every_address_of_a_name_is_judged(server: PictureServer) -> None:
    """The one that is allowed is taken."""
    judged: list[str] = []

    def note(address: IPAddress) -> bool:
        judged.append(str(address))
        return only_here(address)

    with closing(Listener("127.0.0.2", server.port)) as refused:
        pieces = await fetch(
            server.url("/picture", "pictures.test"),
            max_bytes=MAX_BYTES,
            timeout_s=60,
            is_allowed=note,
            ssl_context=TRUST,
            resolver=Names(["127.0.0.2", "::1", "127.0.0.1"]),
        )
        assert b"".join(pieces) == PICTURE
        assert judged == ["127.0.0.2", "::1", "127.0.0.1"]
        assert not refused.was_called()


@pytest.mark.parametrize("answer", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3"], ["::1", "127.0.0.2", "::1"]])
async def test_name_with_no_address_that_is_allowed_is_refused(answer: list[str]) -> None:
    """However many it has."""
    with pytest.raises(FetchError, match=r"pictures.test can't be fetched: the server's address is not public"):
        await get("https://pictures.test/", Names(answer))


async def test_name_that_changes_its_address_is_judged_again(server: PictureServer) -> None:
    """What was allowed a moment ago does not count."""
    with closing(Listener("127.0.0.2", server.port)) as refused:
        with pytest.raises(FetchError, match="address is not public"):
            await get(server.url("/hop", "pictures.test"), Names(["127.0.0.1"], ["127.0.0.2"]))
        assert [request.path for request in server.requests] == ["/hop"]
        assert not refused.was_called()


async def test_name_in_place_of_an_address_is_refused(server: PictureServer) -> None:
    """`asyncio` would look it up by itself, after the check."""
    with pytest.raises(FetchError, match="address is not public"):
        await get(server.url("/picture", "pictures.test"), Names(["localhost"]))
    assert server.requests == []


async def test_unknown_name_is_told() -> None:
    """Nobody has to answer to it."""
    with pytest.raises(FetchError, match=r"pictures.test can't be fetched: the server's name is not known.$"):
        await get("https://pictures.test/", Names())


async def test_refused_connection_is_told() -> None:
    """The port is taken, but nobody listens."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(FetchError, match="the server refused the connection"):
            await get(f"https://127.0.0.1:{silent.getsockname()[1]}/")


async def test_certificate_must_be_trusted(server: PictureServer) -> None:
    """By default it must be the system that does."""
    with pytest.raises(FetchError, match=r"certificate is not valid \(self-signed certificate\).$"):
        await fetch(server.url("/picture"), max_bytes=MAX_BYTES, timeout_s=60, is_allowed=only_here)
    assert server.requests == []


async def test_certificate_must_be_for_that_name(server: PictureServer) -> None:
    """For the one in the address, not for where it leads."""
    with pytest.raises(FetchError, match=r"certificate is not valid .Hostname mismatch.*'other.test'"):
        await get(server.url("/picture", "other.test"), Names(["127.0.0.1"]))
    assert server.requests == []


async def test_server_without_tls_is_told() -> None:
    """It gets no request."""
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read(1000))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with plain:
        with pytest.raises(FetchError, match="the server does not speak TLS as it should"):
            await get(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/{HIDDEN}")
    assert HIDDEN.encode() not in await heard
