"""The sandbox by TLS, for clients that speak nothing else."""

import ssl

import aiohttp
import pytest

from sandbox.server import Sandbox
from sandbox.stack import live_env
from tests.live import EXACT


async def test_who_trusts_the_authorities_is_answered() -> None:
    """By the file that a worker is given; it goes with the sandbox."""
    async with Sandbox(options=EXACT) as server:
        env = await live_env("google", server.url)
        trusted = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        url = f"{env['REALTIME__BASE_URL']}/healthz"
        async with aiohttp.ClientSession() as http, http.get(url, ssl=trusted) as response:
            assert response.ok
        assert (env["REALTIME__BASE_URL"], env["SSL_CERT_FILE"]) == (server.tls.url, server.tls.authorities)
    with pytest.raises(FileNotFoundError):
        ssl.create_default_context(cafile=env["SSL_CERT_FILE"])


async def test_who_does_not_is_not() -> None:
    """Nobody else has heard of them."""
    async with Sandbox(options=EXACT) as server, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(f"{server.tls.url}/healthz")


async def test_public_authorities_are_trusted_as_well() -> None:
    """A client that is given the file may speak to others, too."""
    async with Sandbox(options=EXACT) as server:
        authorities = ssl.create_default_context(cafile=server.tls.authorities).get_ca_certs()
    assert len(authorities) > 50


async def test_sandbox_that_does_not_run_has_no_address() -> None:
    """It says so."""
    with pytest.raises(RuntimeError):
        _ = Sandbox(options=EXACT).tls
