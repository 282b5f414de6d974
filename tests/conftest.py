"""What tests of both kinds begin with."""

import os
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from sandbox.control.client import SandboxClient
from sandbox.control.script import Mode
from sandbox.server import Options, Sandbox


@pytest.fixture
def own_environment() -> Iterator[None]:
    """The process's environment, empty and the test's alone."""
    before = dict(os.environ)
    os.environ.clear()
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox in exact mode, in this process."""
    async with Sandbox(options=Options(Mode(llm_first_token_ms=20, tts_first_sound_ms=10), models=False)) as box:
        yield box


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[SandboxClient]:
    """Its director."""
    async with SandboxClient(sandbox.url) as client:
        yield client


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client session."""
    async with aiohttp.ClientSession() as session:
        yield session
