"""A real browser on the demo's page, and the whole stack behind it: server, worker, stand-ins with their models."""

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserType, async_playwright

from sandbox.caller.scenes import Sign
from sandbox.page import files
from sandbox.page.server import Page
from sandbox.process import Service
from sandbox.stack import (
    AGENT_NAME,
    Address,
    Ready,
    livekit_service,
    start,
    start_sandbox,
    start_worker,
    worker_env,
)
from sandbox.tts.voice import Voice
from tests.browser.devices import camera_file, voice_file
from tests.browser.visit import Visit, visit

WORDS = "FRESH BREAD"
QUESTION = "What does the sign say?"
LEAD_S = 6.0
"""Silence before the question: the agent comes, and the camera's picture grows to its full size."""

_SETTINGS = {
    "VISION__SHARE_SNAPSHOTS": "true",
    # The stand-ins read and speak by models of their own, beside a browser: on a busy machine that takes long.
    "LLM__TIMEOUT_S": "20",
    "TTS__TIMEOUT_S": "20",
    "AGENT__HOLD_AFTER_S": "15",
}
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _missing() -> str:
    if _browser() is None:
        return f"no browser is installed, any of: {', '.join(_NAMES)}"
    return "" if files.installed() else f"the page {files.MISSING}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests, and say why, where they can't run."""
    here = Path(__file__).parent
    if reason := _missing():
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=reason))


async def launch(chromium: BrowserType, *flags: str) -> Browser:
    """The browser that is installed, without a window."""
    return await chromium.launch(executable_path=_browser(), args=[*_FLAGS, *flags])


@dataclass
class Stage:
    """What a visit needs.

    Attributes:
        browser: With a camera that shows a sign, and a microphone in which the question is asked once.
        chromium: Starts others.
        page: The page's server.
        address: The LiveKit server.
        server: Its process.
        server_ready: Whether it answers.
        sandbox_url: The stand-ins.
        logs: Where the services' logs go.
    """

    browser: Browser
    chromium: BrowserType
    page: Page
    address: Address
    server: Service
    server_ready: Ready
    sandbox_url: str
    logs: Path

    def visit(self) -> AbstractAsyncContextManager[Visit]:
        """Open the page, with all devices."""
        return visit(self.browser, self.page.url)

    @asynccontextmanager
    async def visit_with(self, devices: Sequence[str]) -> AsyncIterator[Visit]:
        """Open the page in a browser of other devices, by its flags; nobody is there who would allow one."""
        browser = await launch(self.chromium, *devices)
        try:
            async with visit(browser, self.page.url) as found:
                yield found
        finally:
            await browser.close()

    @asynccontextmanager
    async def with_worker(self, name: str, settings: Mapping[str, str]) -> AsyncIterator["Stage"]:
        """The same with a worker of other settings, and a page that asks for it; both end with the test."""
        env = {**worker_env(self.address, self.sandbox_url), **_SETTINGS, "LIVEKIT_AGENT_NAME": name, **settings}
        async with AsyncExitStack() as running, self.with_agent(name) as stage:
            await start_worker(running, self.logs / name, env)
            yield stage

    @asynccontextmanager
    async def with_agent(self, name: str) -> AsyncIterator["Stage"]:
        """The same with a page that asks for another agent."""
        async with Page(self.address, agent_name=name) as page:
            yield replace(self, page=page)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everything, started once."""
    logs = tmp_path_factory.mktemp("browser")
    async with AsyncExitStack() as running:
        voice = Voice()
        running.push_async_callback(voice.aclose)
        await voice.start()
        sound = voice_file(logs / "voice.wav", await voice.speak(QUESTION), voice.sample_rate, lead_s=LEAD_S)
        scene = camera_file(logs / "camera.mjpeg", Sign(WORDS))
        server, address, ready = await livekit_service(logs)
        await start(running, server, ready)
        sandbox_url = await start_sandbox(running, logs)
        await start_worker(running, logs, {**worker_env(address, sandbox_url), **_SETTINGS})
        page = await running.enter_async_context(Page(address, agent_name=AGENT_NAME))
        chromium = (await running.enter_async_context(async_playwright())).chromium
        browser = await launch(
            chromium,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream=display-media-type=browser",
            f"--use-file-for-fake-video-capture={scene}",
            f"--use-file-for-fake-audio-capture={sound}",
        )
        running.push_async_callback(browser.close)
        yield Stage(browser, chromium, page, address, server, ready, sandbox_url, logs)


@pytest.fixture(autouse=True)
def _show_worker_log_on_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the worker said belongs to the report of a failure."""
    yield
    if "stage" in request.fixturenames:
        for log in sorted(request.getfixturevalue("stage").logs.rglob("worker.log")):
            text = log.read_text(encoding="utf-8", errors="replace")
            request.node.add_report_section("teardown", str(log.parent.name), text[-6_000:])
