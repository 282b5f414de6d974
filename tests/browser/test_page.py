"""The page in a real browser: spoken, typed and shown turns, with the evidence of each."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import QUESTION, WORDS, Stage
from tests.browser.visit import SLOW_MS
from tests.corpus import FOLDER

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_spoken_question_is_answered_from_the_camera_and_the_page_proves_it(stage: Stage) -> None:
    """The voice asks what the sign before the camera says; the answer tells, and its card holds the very picture."""
    async with stage.visit() as visit:
        await visit.begin()
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        answer = await visit.answered(WORDS)
        heard = await visit.page.locator(".mine .text").first.text_content()
        assert "sign" in (heard or "")
        evidence = await visit.evidence(answer)
        turn, [picture] = evidence["turn"], evidence["pictures"]
        assert turn["kind"] == "spoken"
        assert turn["frame_source"] == picture["source"] == "camera"
        assert turn["frame_sha256"] == picture["sha256"]
        assert picture["sha256_verified"] is True
        assert WORDS.lower() in evidence["answer"].lower()
        shown = answer.get_by_role("img", name="Your camera, as the model was given it")
        assert await shown.evaluate("image => image.naturalWidth") == turn["sent_width"]
        await expect(answer.locator(".bar span")).not_to_have_count(0)
        await visit.page.locator("#scroller").evaluate("element => element.scrollTo(0, 1e6)")
        await visit.shots("answer")
        assert await visit.barriers() == []
        await visit.button("Mute camera").click()
        await visit.sees("Your camera is muted: it can’t see.")
        await visit.button("Unmute camera").click()
        await visit.sees("It can see your camera.")
        await visit.button("Leave").click()
        await expect(visit.button("Start the call")).to_be_focused()
        assert visit.complaints == []


async def test_typed_question_shared_screen_and_pictures(stage: Stage) -> None:
    """All without a microphone: typed turns, a screen, a picture that is answered, and one that is refused."""
    async with stage.visit() as visit:
        await visit.begin(microphone=False, camera=False)
        await visit.agent_there()
        await visit.sees("It can’t see: nothing is shown.")
        await visit.shots("empty")
        await visit.write(QUESTION)
        blind = await visit.evidence(await visit.answered("see|show|camera"))
        assert blind["turn"]["kind"] == "typed"
        assert blind["turn"]["blind_reason"] == "none"
        assert blind["pictures"] == []

        await visit.button("Share screen").click()
        await visit.sees("It can see your screen.")
        await visit.write("What do you see on my screen?")
        await expect(visit.page.locator(".evidence figcaption", has_text="Your screen")).to_be_visible(timeout=SLOW_MS)
        await visit.button("Stop sharing").click()
        await visit.sees("It can’t see: nothing is shown.")

        await visit.drop(FOLDER / "good.png", "image/png")
        await expect(visit.page.locator("#tray li")).to_have_count(1)
        await visit.at("words").fill("What colour is this picture?")
        await visit.shots("picture")
        assert await visit.barriers() == []
        await visit.page.keyboard.press("Enter")
        accepted = visit.page.locator("[data-fate=accepted]")
        await expect(accepted).to_contain_text("The picture is in the conversation.", timeout=SLOW_MS)
        await visit.answered("colou?r|red|green|blue|white|black")

        await visit.drop(FOLDER / "html.jpg", "image/jpeg")
        await visit.page.keyboard.press("Enter")
        refused = visit.page.locator("[data-fate=rejected]")
        await expect(refused).to_contain_text(re.compile("not a .*picture", re.IGNORECASE), timeout=SLOW_MS)
        await visit.shots("refused")
        assert visit.complaints == []


async def test_refused_permission_is_told_and_the_call_goes_on(stage: Stage) -> None:
    """Whoever allows neither microphone nor camera is told how to, and can still write."""
    from tests.browser.visit import visit as open_page  # noqa: PLC0415

    async with open_page(stage.bare, stage.page.url) as visit:
        await visit.shots("welcome")
        assert await visit.barriers() == []
        await visit.begin()
        await visit.agent_there()
        notices = visit.at("notices")
        await expect(notices).to_contain_text("The microphone is not allowed.")
        await expect(notices).to_contain_text("The camera is not allowed.")
        await visit.shots("refused-devices")
        assert await visit.barriers() == []
        await visit.write("Hello")
        await visit.answered("Hello")


async def test_agent_that_does_not_come_is_told_of_within_five_seconds(stage: Stage) -> None:
    """The page says that nobody is free, and asks again."""
    lonely = await stage.with_agent("nobody")
    async with lonely.visit() as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.begin(microphone=False, camera=False)
        await expect(visit.at("state-text")).to_have_text("Waiting for the agent…", timeout=SLOW_MS)
        await expect(visit.at("notices")).to_contain_text("No agent is free yet.", timeout=7_000)
        await visit.page.wait_for_timeout(200)
        assert [url for url in asked if url.endswith("/api/agent")]
