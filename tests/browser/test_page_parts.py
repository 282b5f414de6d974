"""Parts of the page by themselves, in a real browser."""

from typing import get_args

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from agent.vision.track import BlindReason
from tests.browser.conftest import Stage

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"reply_ms": None, "heard_ms": None}, []),
        (
            {"reply_ms": 900, "heard_ms": 500, "tts_ttfb_ms": 100},
            [("heard", 500), ("first token", 800), ("first sound", 900)],
        ),
        # From the first word to the end of a sentence the voice waits: that is no time of the model's first word.
        (
            {"reply_ms": 1500, "heard_ms": 500, "llm_ttft_ms": 300, "tts_ttfb_ms": 100, "speculative": False},
            [("heard", 500), ("first token", 800), ("first sound", 1500)],
        ),
        # Asked early, the model had answered when the turn was taken.
        (
            {"reply_ms": 560, "heard_ms": 500, "llm_ttft_ms": 300, "tts_ttfb_ms": 100, "speculative": True},
            [("heard", 500), ("first sound", 560)],
        ),
        ({"reply_ms": 700, "heard_ms": None, "tts_ttfb_ms": 200}, [("first token", 500), ("first sound", 700)]),
        ({"reply_ms": 2400, "heard_ms": 500, "held": True}, [("heard", 500), ("asked for patience", 2400)]),
        # A speech-to-speech model.
        ({"reply_ms": 700, "heard_ms": None, "llm_ttft_ms": None, "tts_ttfb_ms": None}, [("first sound", 700)]),
        ({"reply_ms": 700, "heard_ms": 300, "tts_ttfb_ms": None}, [("heard", 300), ("first sound", 700)]),
        # Clocks differ: what would end after the whole ends with it.
        ({"reply_ms": 400, "heard_ms": 500, "tts_ttfb_ms": 100}, [("heard", 400)]),
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


IN_A_CALL = [
    "leave",
    "microphone",
    "microphone-menu",
    "camera",
    "camera-menu",
    "screen",
    "scroller",
    "attach",
    "words",
    "send",
]


async def test_everything_is_reached_by_keyboard_in_the_order_in_which_it_stands(stage: Stage) -> None:
    """Before a call and in one."""
    async with stage.visit() as visit:
        assert await visit.tab_stops(3) == ["with-microphone", "with-camera", "begin"]
        await visit.begin(microphone=False, camera=False)
        await visit.agent_there()
        await visit.at("skip").focus()
        assert await visit.tab_stops(len(IN_A_CALL)) == IN_A_CALL
        await visit.at("skip").focus()
        await visit.page.keyboard.press("Enter")
        await visit.page.keyboard.type("Hello")
        await expect(visit.at("words")).to_have_value("Hello")


SAYS = """
    const { Conversation } = await import("/page/conversation.js");
    const conversation = new Conversation();
    const says = (id, mine, text, at) => conversation.caption({ id, mine, text, final: true, at });
    const list = () => [...document.querySelectorAll("#conversation li")];
"""


async def test_evidence_finds_its_answer_though_another_sentence_has_begun(stage: Stage) -> None:
    """Pictures take their time: what is said meanwhile gets no card that is not its own, nor does a greeting before."""
    async with stage.visit() as visit:
        cards = await visit.page.evaluate(f"""async () => {{
            {SAYS}
            says("a", false, "Hello.", 1000);
            says("b", false, "It is red.", 2000);
            says("c", false, "Goodbye.", 3001);
            const event = {{ turn: 1, images: 0, blind_reason: "muted" }};
            conversation.turn({{ event, pictures: [], endedAt: 3000 }});
            return list().map((one) => one.querySelectorAll(".evidence").length);
        }}""")
        assert cards == [0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("spoken", ["Hello.", "What is it?", "It is red."]), ("generated", ["Hello.", "It is red.", "What is it?"])],
)
async def test_question_that_is_written_down_late_comes_before_its_answer(
    stage: Stage, kind: str, expected: list[str]
) -> None:
    """A model that speaks by itself may tell what it heard only while it answers."""
    async with stage.visit() as visit:
        order = await visit.page.evaluate(
            f"""async (kind) => {{
            {SAYS}
            says("a", false, "Hello.", 1000);
            conversation.turn({{ event: {{ turn: 1, kind: "generated" }}, pictures: [], endedAt: 1500 }});
            says("b", false, "It is red.", 2000);
            says("c", true, "What is it?", 2100);
            conversation.turn({{ event: {{ turn: 2, kind }}, pictures: [], endedAt: 3000 }});
            return list().map((one) => one.querySelector(".text").textContent);
        }}""",
            kind,
        )
        assert order == expected


async def test_card_does_not_hide_that_there_were_other_pictures(stage: Stage) -> None:
    """The camera's is not all that an answer was made from where the caller has sent one, too."""
    async with stage.visit() as visit:
        also = await visit.page.evaluate("""async () => {
            const { evidence } = await import("/page/evidence.js");
            const picture = { blob: new Blob(), source: "camera", ageMs: 5, sha256: "", part: "", genuine: true };
            const card = (event) => evidence({ event, pictures: [picture], address: () => "blob:" });
            const events = [{ images: 1 }, { images: 2 }, { images: 2, tool_images: 1 }];
            return events.map((event) => card(event).textContent.includes("pictures that you sent"));
        }""")
        assert also == [False, True, False]


async def test_words_that_could_not_be_sent_are_told_of(stage: Stage) -> None:
    """They are not shown as if they had been."""
    async with stage.visit() as visit:
        await visit.page.evaluate(f"async () => {{ {SAYS} conversation.typed('Hello')(); }}")
        await expect(visit.page.locator("[data-fate=rejected]")).to_contain_text("This could not be sent.")


async def test_every_reason_for_a_blind_turn_is_a_sentence(stage: Stage) -> None:
    """None is left as the word that programs use."""
    async with stage.visit() as visit:
        for reason in get_args(BlindReason):
            sentence = await visit.page.evaluate(
                "async reason => (await import('/page/sentences.js')).blindSentence(reason)", reason
            )
            assert "(" not in sentence
