"""The page when something is missing: devices, an agent, the server."""

import signal

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import QUESTION, WORDS, Stage
from tests.browser.visit import SLOW_MS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

GONE = "The server cannot be reached."


@pytest.mark.parametrize(
    ("devices", "why"),
    [((), "No {} was found."), (("--use-fake-device-for-media-stream",), "The {} is not allowed.")],
    ids=["no device", "not allowed"],
)
async def test_call_goes_on_without_devices_and_says_why(stage: Stage, devices: tuple[str, ...], why: str) -> None:
    """Whoever has neither microphone nor camera, or allows neither, is told so, and can still write."""
    async with stage.visit_with(devices) as visit:
        if not devices:
            await visit.shots("welcome")
            assert await visit.barriers() == []
        await visit.begin()
        await visit.agent_there()
        for device in ("microphone", "camera"):
            await expect(visit.at("notices")).to_contain_text(why.format(device))
        await visit.write("Hello <img src=x>")
        await visit.answered("Hello")
        await expect(visit.page.locator(".mine .text")).to_have_text("Hello <img src=x>")
        await visit.shots(f"notices-{len(devices)}")
        assert await visit.barriers() == []


async def test_screen_that_is_not_allowed_is_told_of(stage: Stage) -> None:
    """As where the browser's question is answered with no."""
    async with stage.visit_with(("--use-fake-ui-for-media-stream=deny",)) as visit:
        await visit.begin(microphone=False, camera=False)
        await visit.agent_there()
        await visit.button("Share your screen").click()
        await expect(visit.at("notices")).to_contain_text("Your screen is not shared: it was not allowed.")
        await visit.button("Dismiss").click()
        await expect(visit.at("notices")).to_be_empty()


async def test_agent_that_does_not_come_is_told_of_within_five_seconds(stage: Stage) -> None:
    """The page says that nobody is free, and asks again: a worker that comes later gets the call."""
    async with stage.with_agent("late") as lonely, lonely.visit() as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.begin(microphone=False, camera=False)
        await expect(visit.at("state-text")).to_have_text("Waiting for the agent…", timeout=SLOW_MS)
        await expect(visit.at("notices")).to_contain_text("No agent is free yet.", timeout=7_000)
        await visit.shots("nobody")
        assert [url for url in asked if url.endswith("/api/agent")]
        async with stage.with_worker("late", {}):
            await visit.agent_there()
            await expect(visit.at("notices")).to_be_empty()


async def test_whoever_starts_again_while_the_server_is_away_has_one_attempt_under_way(stage: Stage) -> None:
    """Another would join a second room, and the agent be asked for there."""
    async with stage.visit() as visit:
        asked: list[str] = []

        async def refuse(route: Route) -> None:
            asked.append(route.request.url)
            await route.abort()

        await visit.page.route("**/api/call", refuse)
        await visit.page.clock.install(time=0)
        await visit.page.clock.pause_at(1_000)
        await visit.begin()
        await expect(visit.at("notices")).to_contain_text(GONE)
        await visit.button("Leave").click()
        await visit.begin()
        await expect(visit.at("notices")).to_contain_text(GONE)
        for attempt in (3, 4, 5):
            async with visit.page.expect_event("requestfailed"):
                await visit.page.clock.run_for(2_000)
            assert len(asked) <= attempt
        assert len(asked) == attempt


@pytest.mark.timeout(400)
async def test_call_goes_on_after_the_server_was_restarted(stage: Stage) -> None:
    """Killed or stopped in good order: the page says so, tries again by itself, and the call is sighted. Runs last."""
    async with stage.visit() as visit:
        await visit.begin(microphone=False)
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        for number, said in (
            (signal.SIGKILL, "It is being made anew."),
            (signal.SIGTERM, GONE),
        ):
            stage.server.signal(number)
            if number is signal.SIGTERM:
                # The first one waits until everybody has left; the second one sends them away.
                await visit.page.wait_for_timeout(500)
                stage.server.signal(number)
            await stage.server.wait()
            # A server that had no time left to send everybody away is given up by the library after some 50 s.
            await expect(visit.at("notices")).to_contain_text(said, timeout=3 * SLOW_MS)
            await visit.shots(f"server-{number.name.lower()}")
            await stage.server.start(stage.server_ready)
            await expect(visit.at("notices")).to_be_empty(timeout=SLOW_MS)
            await visit.agent_there()
            await visit.sees("It can see your camera.")
            await visit.write(QUESTION)
            answer = await visit.answered(WORDS)
        # Stopped in good order, the server sent everybody away: the second answer is a new call's first.
        await expect(visit.page.locator(".note").last).to_contain_text("a new call has begun")
        assert (await visit.evidence(answer))["turn"]["turn"] == 1
