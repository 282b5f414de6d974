"""A watch in a real room, with eyes that really read: it speaks once when the sign changes, and is silent otherwise."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.caller.journal import SoundBegan
from sandbox.control.client import SandboxClient
from sandbox.stack import Address, live_env, start_sandbox, start_worker, worker_env
from tests.room.rig import Rig, Speech, shown_as

SILENCE_S = 60.0
PROMPTS = {
    "pipeline": 'Tell me when the sign says "OPEN".',
    "openai": 'As soon as it says "OPEN", tell me.',
    "google": 'Tell me, please, when the sign says "OPEN".',
}
"""What each worker watches for, by its name: the pipeline, or the provider of its speech-to-speech model."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def senses_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Stand-ins with their models."""
    async with AsyncExitStack() as running:
        yield await start_sandbox(running, tmp_path_factory.mktemp("senses"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def logs_by_name(
    livekit_server: Address, senses_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Path]]:
    """Workers that watch; where each logs."""
    async with AsyncExitStack() as running:
        logs = {}
        for name, prompt in PROMPTS.items():
            # Three at a time read signs on a busy machine: who is asked again before it has read is never done.
            watch = {"WATCH__EVERY_S": "2", "WATCH__COOLDOWN_S": "2", "LLM__TIMEOUT_S": "60", "WATCH__PROMPT": prompt}
            live = {} if name == "pipeline" else await live_env(name, senses_url)
            env = {**worker_env(livekit_server, senses_url), **live, **watch, "LIVEKIT_AGENT_NAME": name}
            logs[name] = (await start_worker(running, tmp_path_factory.mktemp(name), env)).log
        yield logs


async def judged(rig: Rig) -> int:
    """How often the model was asked for a verdict."""
    prompt = PROMPTS[rig.agent_name]
    requests = await rig.sandbox.requests("llm")
    return len([entry for entry in requests if any(prompt in message.text for message in entry.messages)])


async def watched(rig: Rig) -> None:
    """Silent for a minute, at no request for an unchanged scene; one report when the sign changes; silent again."""
    async with rig.caller() as caller:
        await caller.show("sign:CLOSED")
        await rig.call(caller)
        await shown_as(caller, "camera")
        began = time.time()
        await asyncio.sleep(SILENCE_S)
        sounds, before = caller.journal.of(SoundBegan, after=began), await judged(rig)
        changed = time.time()
        await caller.show("sign:OPEN NOW")
        reply = await caller.reply(after=changed, timeout_s=60)
        await asyncio.sleep(8)
        later, after = caller.journal.of(SoundBegan, after=reply.done), await judged(rig)
    assert sounds == []
    assert 1 <= before <= 5  # a camera's first second comes coarse
    assert reply.text == "Now it says OPEN."
    assert later == []
    assert 1 <= after - before <= 4


@pytest.mark.timeout(300)
async def test_watch_speaks_once_when_the_sign_changes(
    livekit_server: Address, senses_url: str, speech: Speech, logs_by_name: dict[str, Path]
) -> None:
    """In either mode and with either provider; side by side, since a silence takes its time."""
    async with SandboxClient(senses_url) as sandbox:
        rigs = [Rig(livekit_server, sandbox, speech, log, agent_name=name) for name, log in logs_by_name.items()]
        await asyncio.gather(*(watched(rig) for rig in rigs))
