"""The page in a real browser: spoken, typed and shown turns, with the evidence of each."""

import json

import pytest
from playwright.async_api import expect

from tests.browser.bystander import bystander
from tests.browser.conftest import QUESTION, WORDS, Stage
from tests.browser.visit import PHONE, SLOW_MS
from tests.corpus import FOLDER

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]


async def test_spoken_question_is_answered_from_the_camera_and_the_page_proves_it(stage: Stage) -> None:
    """The voice asks what the sign before the camera says; the answer tells, and its card holds the very picture."""
    async with stage.visit() as visit:
        await visit.begin()
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        await visit.hears_the_agent()
        answer = await visit.answered(WORDS)
        heard = await visit.page.locator(".mine .text").first.text_content()
        assert "sign" in (heard or "")
        evidence = await visit.evidence(answer)
        turn, [picture] = evidence["turn"], evidence["pictures"]
        assert turn["kind"] == "spoken"
        assert turn["frame_source"] == picture["source"] == "camera"
        assert turn["frame_sha256"] == picture["sha256"]
        assert picture["sha256_verified"] is True
        assert (evidence["question"], WORDS.lower() in evidence["answer"].lower()) == (heard, True)
        shown = answer.get_by_role("img", name="Your camera, as the model was given it")
        assert await shown.evaluate("image => image.naturalWidth") == turn["sent_width"]
        assert (await visit.marks(answer))[-1] == "first sound"
        # Read out whole, in the order in which it was said.
        said = visit.page.locator("[aria-live=polite] p")
        await expect(said.filter(has_text="You: ").first).to_contain_text("sign")
        await expect(said.filter(has_text="Agent: ").last).to_contain_text(WORDS, ignore_case=True)
        await visit.page.locator("#scroller").evaluate("element => element.scrollTo(0, 1e6)")
        await visit.shots("answer")
        assert await visit.barriers() == []
        enlarge = answer.get_by_role("button", name="Enlarge: Your camera")
        await enlarge.click()
        await expect(visit.page.get_by_role("dialog").get_by_role("img")).to_be_visible()
        await visit.shots("enlarged")
        assert await visit.barriers() == []
        await visit.page.keyboard.press("Escape")
        await expect(enlarge).to_be_focused()
        assert visit.complaints == []


async def test_devices_are_muted_chosen_and_stopped(stage: Stage) -> None:
    """The agent's sight follows, and a call that is left is forgotten."""
    async with stage.visit() as visit:
        await visit.begin()
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        await visit.button("Mute camera").click()
        await visit.sees("Your camera is muted: it sees nothing.")
        await visit.shots("muted")
        await visit.button("Unmute camera").click()
        await visit.sees("It can see your camera.")
        await visit.button("Mute microphone").click()
        await expect(visit.button("Unmute microphone")).to_be_visible()
        await visit.page.get_by_label("Choose the microphone").click()
        await expect(visit.at("turns-end")).to_contain_text("You are heard all the time.")
        choice = visit.at("microphone-choice")
        names = await choice.locator("option").all_text_contents()
        assert len(names) > 1
        await choice.select_option(label=names[-1])
        await visit.shots("menu")
        assert await visit.barriers() == []
        await expect(choice.locator("option:checked")).to_have_text(names[-1])
        await visit.page.keyboard.press("Escape")
        await expect(choice).to_be_hidden()
        await visit.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        await visit.page.get_by_label("Choose the camera").click()
        box = await visit.page.locator("#camera-menu > div").bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE[0]
        stop = visit.button("Stop the camera")
        # Whoever goes on by keyboard leaves the menu behind.
        await stop.focus()
        await visit.page.keyboard.press("Tab")
        await expect(stop).to_be_hidden()
        await visit.page.get_by_label("Choose the camera").click()
        await stop.click()
        await visit.sees("It sees nothing right now.")
        await expect(stop).to_be_hidden()
        await expect(visit.button("Turn on camera")).to_be_focused()
        await visit.write("Hello")
        await visit.answered("Hello")
        await visit.button("Leave").click()
        await expect(visit.button("Start the call")).to_be_focused()
        await visit.shots("ended")
        await visit.begin(microphone=False)
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        await expect(visit.page.locator("#conversation li")).to_have_count(0)
        assert visit.complaints == []


async def test_typed_question_is_answered_from_a_shared_screen(stage: Stage) -> None:
    """Sighted while the screen is shared, blind afterwards; no microphone is needed."""
    async with stage.visit() as visit:
        await visit.begin(microphone=False, camera=False)
        await expect(visit.at("words")).to_be_focused()
        await visit.agent_there()
        await visit.sees("It sees nothing right now.")
        await visit.shots("empty")
        # A small window: the page shows itself in itself, and the stand-in reads all of it.
        await visit.page.set_viewport_size({"width": 480, "height": 480})
        await visit.button("Share your screen").click()
        await visit.sees("It can see your screen.")
        await visit.write("What colour do you see?")
        shown = visit.page.locator(".theirs", has=visit.page.locator("figcaption", has_text="Your screen"))
        await expect(shown).to_be_visible(timeout=SLOW_MS)
        sighted = await visit.evidence(shown)
        assert sighted["turn"]["frame_source"] == sighted["pictures"][0]["source"] == "screen"
        await visit.shots("screen")
        await visit.button("Stop sharing the screen").click()
        await visit.sees("It sees nothing right now.")
        await visit.write(QUESTION)
        blind = await visit.evidence(await visit.answered("share"))
        assert (blind["turn"]["kind"], blind["turn"]["blind_reason"]) == ("typed", "none")
        assert (blind["question"], blind["pictures"]) == (QUESTION, [])
        assert visit.complaints == []


async def test_pictures_go_to_the_agent_alone_and_their_fate_comes_back(stage: Stage) -> None:
    """Dropped, pasted and chosen: taken and answered, or refused with a reason. Nobody else in the room is sent any."""
    async with stage.visit() as visit:
        async with visit.page.expect_response("**/api/call") as asked:
            await visit.begin(microphone=False, camera=False)
        call = json.loads(await (await asked.value).text())
        await visit.agent_there()
        async with bystander(stage.address, call["room"]) as witness:
            await visit.drop(FOLDER / "good.png", "image/png")
            await expect(visit.page.locator("#tray li")).to_have_count(1)
            await visit.at("words").fill("What colour is this picture?")
            await visit.shots("picture")
            assert await visit.barriers() == []
            await visit.page.keyboard.press("Enter")
            accepted = visit.page.locator("[data-fate=accepted]")
            await expect(accepted).to_contain_text("The picture is in the conversation.", timeout=SLOW_MS)
            answer = await visit.answered("colou?r|red|green|blue|white|black")
            assert (await visit.evidence(answer))["question"] == "What colour is this picture?"
            await visit.write("Thank you")
            await visit.evidence(await visit.answered("thank|welcome|hello|said"))
            # Each answer was said to the whole room, after the picture and the words had come.
            await witness.heard(2)
            assert witness.got == []

        await visit.at("files").set_input_files([FOLDER / "good.png"] * 9)
        await expect(visit.page.locator("#tray li")).to_have_count(8)
        await expect(visit.at("notices")).to_contain_text("At most 8 pictures go together")
        for _ in range(8):
            await visit.button("Remove good.png").first.click()
        await expect(visit.at("tray")).to_be_hidden()

        await visit.at("files").set_input_files(FOLDER / "html.jpg")
        await expect(visit.at("notices")).to_be_empty()
        await visit.paste(FOLDER / "jpg_60000x60000.jpg", "image/jpeg")
        await visit.button("Send").click()
        refused = visit.page.locator("[data-fate=rejected]")
        await expect(refused).to_have_count(2, timeout=SLOW_MS)
        await expect(refused.first).to_contain_text("The file is HTML")
        await expect(refused.last).to_contain_text("pixels, at most")
        await expect(visit.page.get_by_role("progressbar")).to_have_count(0)
        await visit.shots("refused")
        assert visit.complaints == []


async def test_speech_to_speech_model_is_shown_with_what_it_can_tell(stage: Stage) -> None:
    """It sees and speaks as the others do; a delay of which it tells no stages has none."""
    async with stage.with_worker("live", {"AGENT__MODE": "realtime"}) as live, live.visit() as visit:
        await visit.begin()
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        answer = await visit.answered(WORDS)
        evidence = await visit.evidence(answer)
        turn, [picture] = evidence["turn"], evidence["pictures"]
        assert (turn["kind"], turn["llm_ttft_ms"], turn["tts_ttfb_ms"]) == ("spoken", None, None)
        assert turn["frame_sha256"] == picture["sha256"]
        assert picture["sha256_verified"] is True
        assert "sign" in evidence["question"]
        # The sentence itself takes two seconds: a delay that held it would be none.
        assert turn["reply_ms"] < 10_000
        assert await visit.marks(answer) == ["first sound"]
        await visit.shots("live")
        assert await visit.barriers() == []
        await visit.button("Mute camera").click()
        await visit.sees("Your camera is muted: it sees nothing.")
        await visit.write("What do you see?")
        blind = visit.page.locator(".theirs", has=visit.page.locator(".unseen"))
        await expect(blind.last).to_contain_text("the camera was muted", timeout=SLOW_MS)
        assert visit.complaints == []


async def test_turn_lasts_as_long_as_the_button_is_held(stage: Stage) -> None:
    """By mouse or by keyboard. Pressed, it turns on a microphone that was off; Escape takes the turn back."""
    async with stage.with_worker("manual", {"TURN__DETECTION": "manual"}) as manual, manual.visit() as visit:
        await visit.begin(microphone=False)
        await visit.agent_there()
        hold = visit.at("hold")
        await expect(hold).to_be_visible(timeout=SLOW_MS)
        await hold.hover()
        await visit.page.mouse.down()
        await expect(hold).to_contain_text("Let go to ask")
        await expect(visit.button("Mute microphone")).to_be_visible(timeout=SLOW_MS)
        # The voice asks once, some seconds after the microphone was turned on.
        await expect(visit.page.locator(".mine .text")).to_contain_text("sign", timeout=SLOW_MS)
        await visit.shots("held")
        await expect(visit.page.locator(".theirs")).to_have_count(0)
        await visit.page.mouse.up()
        await visit.answered(WORDS)
        await hold.focus()
        await visit.page.keyboard.down(" ")
        await expect(hold).to_contain_text("Let go to ask")
        await visit.page.keyboard.press("Escape")
        await expect(hold).to_contain_text("Hold to talk")
        await visit.page.keyboard.up(" ")
        # A turn that was taken back can't be ended: had it been, the agent would have said so.
        await visit.page.keyboard.down(" ")
        await expect(hold).to_contain_text("Let go to ask")
        await visit.page.keyboard.up(" ")
        await expect(hold).to_contain_text("Hold to talk")
        await expect(visit.at("notices")).to_be_empty()
        assert await visit.barriers() == []
        assert visit.complaints == []
