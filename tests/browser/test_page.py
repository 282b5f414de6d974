"""The page in a real browser: spoken, typed and shown turns, with the evidence of each."""

import signal

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from tests.browser.conftest import LEAD_S, QUESTION, WORDS, Stage
from tests.browser.visit import PHONE, SLOW_MS
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
        await visit.sees("Your camera is muted: it sees nothing.")
        await visit.button("Unmute camera").click()
        await visit.sees("It can see your camera.")
        await visit.page.get_by_label("Choose the microphone").click()
        await expect(visit.at("turns-end")).to_contain_text("TURN__DETECTION is vad: push to talk needs manual")
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
        await visit.button("Stop the camera").click()
        await visit.sees("It sees nothing right now.")
        await visit.button("Leave").click()
        await expect(visit.button("Start the call")).to_be_focused()
        await visit.begin(microphone=False)
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        await expect(visit.page.locator("#conversation li")).to_have_count(0)
        assert visit.complaints == []


async def test_typed_question_shared_screen_and_pictures(stage: Stage) -> None:
    """All without a microphone: typed turns, a screen, a picture that is answered, and one that is refused."""
    async with stage.visit() as visit:
        await visit.begin(microphone=False, camera=False)
        await visit.agent_there()
        await visit.sees("It sees nothing right now.")
        await visit.shots("empty")
        await visit.write(QUESTION)
        blind = await visit.evidence(await visit.answered("see|show|camera"))
        assert blind["turn"]["kind"] == "typed"
        assert blind["turn"]["blind_reason"] == "none"
        assert blind["pictures"] == []

        await visit.button("Share your screen").click()
        await visit.sees("It can see your screen.")
        await visit.write("What colour do you see?")
        await expect(visit.page.locator(".evidence figcaption", has_text="Your screen")).to_be_visible(timeout=SLOW_MS)
        await visit.shots("screen")
        await visit.button("Stop sharing the screen").click()
        await visit.sees("It sees nothing right now.")

        # Reached by keyboard alone, in the order in which things stand.
        await visit.at("words").focus()
        for name in ("attach", "scroller"):
            await visit.page.keyboard.press("Shift+Tab")
            while await visit.page.evaluate("document.activeElement.closest('.evidence') !== null"):
                await visit.page.keyboard.press("Shift+Tab")
            await expect(visit.at(name)).to_be_focused()

        await visit.drop(FOLDER / "good.png", "image/png")
        await expect(visit.page.locator("#tray li")).to_have_count(1)
        await visit.at("words").fill("What colour is this picture?")
        await visit.shots("picture")
        assert await visit.barriers() == []
        await visit.page.keyboard.press("Enter")
        accepted = visit.page.locator("[data-fate=accepted]")
        await expect(accepted).to_contain_text("The picture is in the conversation.", timeout=SLOW_MS)
        await visit.answered("colou?r|red|green|blue|white|black")

        await visit.at("files").set_input_files(FOLDER / "html.jpg")
        await visit.paste(FOLDER / "jpg_60000x60000.jpg", "image/jpeg")
        await visit.button("Send").click()
        refused = visit.page.locator("[data-fate=rejected]")
        await expect(refused).to_have_count(2, timeout=SLOW_MS)
        await expect(refused.first).to_contain_text("The file is HTML")
        await expect(refused.last).to_contain_text("pixels, at most")
        await visit.shots("refused")
        assert visit.complaints == []


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


async def test_agent_that_does_not_come_is_told_of_within_five_seconds(stage: Stage) -> None:
    """The page says that nobody is free, and asks again: a worker that comes later gets the call."""
    lonely = await stage.with_agent("late")
    async with lonely.visit() as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.begin(microphone=False, camera=False)
        await expect(visit.at("state-text")).to_have_text("Waiting for the agent…", timeout=SLOW_MS)
        await expect(visit.at("notices")).to_contain_text("No agent is free yet.", timeout=7_000)
        await visit.shots("nobody")
        assert [url for url in asked if url.endswith("/api/agent")]
        await stage.with_worker("late", {})
        await visit.agent_there()
        await expect(visit.at("notices")).to_be_empty()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"reply_ms": None, "heard_ms": None}, []),
        (
            {"reply_ms": 900, "heard_ms": 500, "tts_ttfb_ms": 100},
            [("heard", 500), ("first token", 800), ("first sound", 900)],
        ),
        # Asked early, the model had answered when the turn was taken.
        ({"reply_ms": 560, "heard_ms": 500, "tts_ttfb_ms": 100}, [("heard", 500), ("first sound", 560)]),
        ({"reply_ms": 700, "heard_ms": None, "tts_ttfb_ms": 200}, [("first token", 500), ("first sound", 700)]),
        ({"reply_ms": 2400, "heard_ms": 500, "held": True}, [("heard", 500), ("asked for patience", 2400)]),
    ],
)
async def test_delay_is_cut_into_what_it_was_spent_on(
    stage: Stage, event: dict[str, object], expected: list[tuple[str, int]]
) -> None:
    """Each stage ends where the next one begins, and the last at the first sound."""
    async with stage.visit() as visit:
        stages = await visit.page.evaluate("async event => (await import('/page/stages.js')).stages(event)", event)
    assert [(one["name"], one["to"]) for one in stages] == expected
    assert [one["from"] for one in stages] == [0, *(one["to"] for one in stages)][: len(stages)]


async def test_page_lets_no_text_become_markup(stage: Stage) -> None:
    """Whatever a mistake of ours would do with it."""
    async with stage.visit() as visit:
        with pytest.raises(PlaywrightError, match="TrustedHTML"):
            await visit.page.evaluate("document.body.innerHTML = '<b>bold</b>'")


async def test_turn_lasts_as_long_as_the_button_is_held(stage: Stage) -> None:
    """Where the agent takes turns by button the page has one, which the keyboard can hold, too."""
    manual = await stage.with_worker("manual", {"TURN__DETECTION": "manual"})
    async with manual.visit() as visit:
        await visit.begin()
        await visit.agent_there()
        hold = visit.at("hold")
        await expect(hold).to_be_visible(timeout=SLOW_MS)
        await hold.focus()
        await visit.page.keyboard.down(" ")
        await expect(hold).to_contain_text("Let go to ask")
        # The voice asks once, some seconds after the microphone was turned on.
        await visit.page.wait_for_timeout((LEAD_S + 2.5) * 1000)
        await visit.shots("held")
        await visit.page.keyboard.up(" ")
        await visit.answered(WORDS)
        assert await visit.barriers() == []
        assert visit.complaints == []


async def test_call_goes_on_after_the_server_was_restarted(stage: Stage) -> None:
    """Killed or stopped in good order: the page says so, tries again by itself, and the call is sighted. Runs last."""
    async with stage.visit() as visit:
        await visit.begin(microphone=False)
        await visit.agent_there()
        await visit.sees("It can see your camera.")
        for number, said in (
            (signal.SIGKILL, "It is being made anew."),
            (signal.SIGTERM, "The server cannot be reached."),
        ):
            stage.server.signal(number)
            if number is signal.SIGTERM:
                # The first one waits until everybody has left; the second one sends them away.
                await visit.page.wait_for_timeout(500)
                stage.server.signal(number)
            await stage.server.wait()
            await expect(visit.at("notices")).to_contain_text(said, timeout=SLOW_MS)
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


async def test_evidence_finds_its_answer_though_another_sentence_has_begun(stage: Stage) -> None:
    """Pictures take their time: what is said meanwhile gets no card that is not its own, nor does a greeting before."""
    async with stage.visit() as visit:
        cards = await visit.page.evaluate("""async () => {
            const { Conversation } = await import("/page/conversation.js");
            const conversation = new Conversation();
            const says = (id, text, at) => conversation.caption({ id, mine: false, text, final: true, at });
            says("a", "Hello.", 1000);
            says("b", "It is red.", 2000);
            says("c", "Goodbye.", 3001);
            const event = { turn: 1, images: 0, blind_reason: "muted" };
            conversation.turn({ event, pictures: [], endedAt: 3000 });
            return [...document.querySelectorAll(".theirs")].map((one) => one.querySelectorAll(".evidence").length);
        }""")
        assert cards == [0, 1, 0]
