"""A scene that has not changed: how that is told, and what requests, history and evidence make of it."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from livekit.agents.llm import ChatContext, ChatItem

from agent.turns import evidence
from agent.vision.album import Album
from agent.vision.eye import Eye
from agent.vision.fingerprint import TOLERANCE, fingerprint, unchanged
from agent.vision.frame import Frame
from agent.vision.track import Candidate, Choice
from agent.vision.unchanged import still_shown
from agent.vision.view import Blind, Look, Shot, View
from config.vision import VisionSettings
from tests.fakes import Clock, FakeSight, data_url, flat_frame, grey_frame, view
from tests.talk import Talk, images_of, lines, pictures, said
from tests.unit.test_memory_prefix import STEPS, Scribe

STILL = "[The user's camera still shows what is in its last picture above.]"


class Scene(FakeSight):
    """Each look is another moment of the same scene, until `change`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.later_s = 0.0

    def change(self) -> None:
        """From now on something else is shown."""
        self.now = (self.now + 100) % 256

    async def look(self) -> Look:
        look = await super().look()
        if isinstance(look, View):
            look = View(tuple(map(self._of_this_moment, look.shots)), look.missing)
        return look

    def _of_this_moment(self, shot: Shot) -> Shot:
        return replace(shot, taken_at=shot.taken_at + self.later_s, fingerprint=bytes([self.now] * 4))


class Still(Talk):
    """A conversation about a scene that stays as it is."""

    def __init__(self, **options: int):
        super().__init__(**options)
        self.scene = self.sight = self.memory.sight = Scene()


def digits(text: str, *, level: int = 0) -> Frame:
    """A 720p frame with a white sign that fills a tenth of it and bears these digits; all of it darker by `level`."""
    luma = np.full((720, 1280), 110, dtype=np.uint8)
    luma[240:470, 400:810] = 235
    cv2.putText(luma, text, (420, 400), cv2.FONT_HERSHEY_SIMPLEX, 5.0, (20,), 12)
    return grey_frame(luma - np.uint8(level))


def noisy(frame: Frame, seed: int, deviation: float = 8.0) -> Frame:
    """The same frame through a bad sensor."""
    noise = np.random.default_rng(seed).normal(scale=deviation, size=frame.i420.shape)
    return replace(frame, i420=np.clip(frame.i420 + noise, 0, 255).astype(np.uint8))


def seen(text: str = "a", *, at: float = 1000.0, scene: int = 0, size: int = 1000, **changes: Any) -> View:
    """A view of one picture that was taken 10 ms before its request, with that scene's fingerprint."""
    shot = view(text, taken_at=at, size=size).shots[0]
    return View((replace(shot, **{"age_ms": 10.0, "fingerprint": bytes([scene] * 4), **changes}),))


@pytest.mark.parametrize("size", [(16, 16), (64, 48), (640, 360), (1280, 720), (1281, 723), (720, 1280), (3840, 2160)])
def test_fingerprint_has_the_same_size_for_every_frame(size: tuple[int, int]) -> None:
    """1,536 bytes: luma, then the two colours."""
    taken = fingerprint(flat_frame(yuv=(50, 100, 200), width=size[0], height=size[1]))
    assert taken == bytes([50] * 1024 + [100] * 256 + [200] * 256)


def test_noise_does_not_change_a_scene() -> None:
    """A bad sensor's, and brightness that wavers by half of the tolerance."""
    first = fingerprint(noisy(digits("4711"), 1))
    assert all(unchanged(first, fingerprint(noisy(digits("4711", level=TOLERANCE // 2), seed))) for seed in (2, 3))


@pytest.mark.parametrize("other", ["4712", "4717", "4171", "4710", "8711", ""])
def test_digit_on_a_small_sign_changes_a_scene(other: str) -> None:
    """One of four on a tenth of the picture, as well as two that swap places."""
    assert not unchanged(fingerprint(noisy(digits("4711"), 1)), fingerprint(noisy(digits(other), 2)))


def test_colour_alone_changes_a_scene() -> None:
    """A red card and a green one of the same brightness."""
    red, green = (fingerprint(flat_frame(yuv=(104, *chroma))) for chroma in ((107, 189), (108, 103)))
    assert not unchanged(red, green)


@pytest.mark.parametrize(("levels", "same"), [(0, True), (TOLERANCE, True), (TOLERANCE + 1, False), (200, False)])
def test_one_cell_decides(levels: int, *, same: bool) -> None:
    """In either direction, without wrapping around."""
    one, other = bytes([20] * 1536), bytes([20] * 700 + [20 + levels] + [20] * 835)
    assert unchanged(one, other) is unchanged(other, one) is same


def test_what_has_no_fingerprint_may_have_changed() -> None:
    """So nothing is ever skipped unless fingerprints are made."""
    assert unchanged(b"", b"") is False
    assert unchanged(bytes(4), b"") is False
    assert unchanged(bytes(4), bytes(5)) is False


def test_earlier_view_is_shown_with_its_true_age() -> None:
    """Its picture and its moment; what this turn's look cost is this turn's."""
    earlier, fresh = seen("a", at=1000.0), seen("b", at=1060.5, encode_ms=7.0, waited_ms=33.0)
    missing = (Blind("muted", "screen"),)
    assert still_shown(earlier, replace(fresh, missing=missing)) == View(
        (replace(earlier.shots[0], age_ms=60_510.0, encode_ms=7.0, waited_ms=33.0),), missing
    )


@pytest.mark.parametrize(
    "fresh",
    [
        seen(scene=9),
        seen(source="screen"),
        seen(frame_width=640),
        seen(frame_height=1280),
        seen(fingerprint=b""),
        seen(size=1201),
        View((*seen().shots, *seen(source="screen").shots)),
    ],
)
def test_view_with_something_new_to_show_is_sent(fresh: View) -> None:
    """Another scene, source, size or number of pictures, or far more detail of the same scene."""
    assert still_shown(seen(), fresh) is None


def test_one_changed_picture_of_two_is_enough_to_send_both() -> None:
    """They are one view."""
    both = View((*seen(source="screen").shots, *seen().shots))
    half = View((*seen(source="screen").shots, *seen(scene=9).shots))
    assert still_shown(both, half) is None
    assert still_shown(both, both) is not None


@pytest.mark.parametrize("skip", [False, True])
async def test_eye_makes_fingerprints_only_when_they_are_asked_for(*, skip: bool) -> None:
    """Nobody else pays for them; an enlarged part has none."""
    seeing = Eye("auto", VisionSettings(skip_unchanged=skip, look_timeout_ms=0), Clock(1000.0))
    seeing.choose(Choice(Candidate("TR_1", "camera", muted=False), None, "camera"))
    seeing.put(flat_frame(taken_at=1000.0))
    shot, part = await seeing.look(), await seeing.zoom("top")
    assert isinstance(shot, Shot)
    assert isinstance(part, Shot)
    assert (len(shot.fingerprint), part.fingerprint) == (1536 if skip else 0, b"")


@pytest.mark.parametrize("max_views", [1, 3])
async def test_unchanged_scene_is_sent_once(max_views: int) -> None:
    """The first turn's picture stays where it is, and each later turn has one line, spoken or typed."""
    talk = Still(max_views=max_views)
    for number in range(1, 25):
        sent = await (talk.adopted_turn if number % 2 else talk.turn)(f"{number}")
        assert pictures(sent) == pictures(talk.history) == [data_url("camera 1")]
        assert lines(sent) == [STILL] * (number - 1)
        assert sent.messages()[-1].content == [f"{number}", *([STILL] if number > 1 else images_of(sent.messages()[1]))]
    assert talk.sight.looks == 24


async def test_history_holds_what_the_user_said_and_no_line() -> None:
    """Words that are not the user's would make the framework discard a speculation."""
    talk = Still()
    await talk.turn("One")
    await talk.adopted_turn("Two")
    assert talk.history.messages()[-2].text_content == "Two"


async def test_changed_scene_is_sent_and_ends_what_stood_before() -> None:
    """The old picture leaves its line, and the lines that referred to it stay as they are."""
    talk = Still()
    await talk.turn("One")
    await talk.turn("Two")
    talk.scene.change()
    assert pictures(await talk.turn("Three")) == [data_url("camera 3")]
    sent = await talk.turn("Four")
    assert pictures(sent) == [data_url("camera 3")]
    assert lines(sent) == ["[view of the user's camera at 22:13:21 UTC, no longer shown]", STILL, STILL]


async def test_scene_that_creeps_is_compared_with_the_picture_that_the_model_has() -> None:
    """Not with the look before, from which it never differs by much."""
    talk = Still()
    carried: list[str] = []
    for _ in range(5):
        carried += pictures(await talk.turn("And now?"))
        talk.scene.now += 5
    assert carried == [data_url(f"camera {number}") for number in (1, 1, 3, 3, 5)]


async def test_unchanged_turn_takes_no_view_away() -> None:
    """It shows nothing of its own, so all that there is room for stays."""
    talk = Still(max_views=3)
    for text in ("One", "Two", "Three"):
        talk.scene.change()
        await talk.turn(text)
    expected = [data_url(f"camera {number}") for number in (1, 2, 3)]
    assert pictures(await talk.turn("Four")) == expected
    assert pictures(await talk.turn("Five")) == expected
    talk.scene.change()
    assert pictures(await talk.turn("Six")) == [*expected[1:], data_url("camera 6")]


async def test_both_sources_are_referred_to_together() -> None:
    """As they are sent together."""
    talk = Still()
    talk.sight.show("screen", "camera")
    await talk.turn("One")
    sent = await talk.turn("Two")
    assert pictures(sent) == [data_url("screen 1"), data_url("camera 1")]
    assert lines(sent)[2:] == ["[The user's screen and camera still show what is in their last pictures above.]"]
    talk.sight.show("screen", missing=(Blind("late", "camera"),))
    assert pictures(await talk.turn("Three")) == [data_url("screen 3")]


async def test_what_is_missing_is_told_beside_the_line() -> None:
    """A camera that was muted all along is muted still."""
    talk = Still()
    talk.sight.show("screen", missing=(Blind("muted", "camera"),))
    await talk.turn("One")
    assert lines(await talk.turn("Two")) == [
        "[The user's screen still shows what is in its last picture above.]",
        "[No picture from the user's camera: it is muted.]",
    ]


async def test_generated_reply_is_always_sent_its_view() -> None:
    """It has no question to put a line to; the turn after it is sent a picture again, since none stands."""
    talk = Still()
    await talk.turn("One")
    assert pictures(await talk.request()) == [data_url("camera 2")]
    talk.answer("By the way.")
    assert talk.shown().unsent is None
    assert pictures(await talk.turn("Two")) == [data_url("camera 3")]


async def test_picture_is_sent_again_after_blind_turns() -> None:
    """They end what stood."""
    talk = Still()
    await talk.turn("One")
    talk.sight.blind(Blind("muted", "camera"))
    assert pictures(await talk.turn("Two")) == []
    talk.sight.show()
    sent = await talk.turn("Three")
    assert pictures(sent) == [data_url("camera 3")]
    assert STILL not in lines(sent)


async def test_picture_is_sent_again_once_its_message_is_cut_off() -> None:
    """A line must not refer to what the request does not carry."""
    talk = Still(max_turns=4)
    for number in range(1, 30):
        sent = await talk.turn(f"{number}")
        assert len(pictures(sent)) == 1
        first = next(index for index, message in enumerate(sent.messages()) if images_of(message))
        assert sent.messages()[-1].content[-1] == STILL or first == len(sent.messages()) - 1
    assert talk.sight.looks == 29


async def test_picture_is_sent_again_when_its_message_is_gone() -> None:
    """Whoever removed it."""
    talk = Still()
    await talk.turn("One")
    del talk.history.items[1:]
    assert pictures(await talk.turn("Two")) == [data_url("camera 2")]


async def test_speculation_that_saw_a_change_leaves_nothing_to_refer_to() -> None:
    """The earlier picture has expired for it, though nobody heard its answer."""
    talk = Still()
    await talk.turn("One")
    talk.scene.change()
    await talk.request(said("Tw"))
    talk.scene.now = 0
    assert pictures(await talk.turn("Two")) == [data_url("camera 3")]


async def test_speculation_that_is_not_adopted_does_not_decide_for_the_turn() -> None:
    """The confirmed turn is another moment: its line goes, its picture comes."""
    talk = Still()
    await talk.turn("One")
    await talk.request(said("Tw"))
    committed = said("Two")
    talk.memory.adopt(committed, talk.history.items)
    talk.scene.change()
    sent = await talk.request(committed)
    assert pictures(sent) == [data_url("camera 3")]
    assert STILL not in lines(sent)


async def test_tool_follow_up_refers_to_the_same_picture() -> None:
    """Without another look, however old the picture is; after a slow tool with one."""
    talk = Still()
    await talk.turn("One")
    talk.now += 300
    talk.scene.later_s = 300
    question = said("Two")
    await talk.request(question)
    talk.history.items.append(question)
    looks = talk.sight.looks
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert (pictures(sent), lines(sent), talk.sight.looks) == ([data_url("camera 1")], [STILL], looks)
    talk.now += 60
    talk.scene.change()
    sent = await talk.request(*talk.tool("a"), again=talk.reply)
    assert (pictures(sent), talk.sight.looks) == ([data_url(f"camera {looks + 1}")], looks + 1)
    assert STILL not in lines(sent)


async def test_refused_reply_has_no_line_either() -> None:
    """It refers to nothing that the model took."""
    talk = Still()
    await talk.turn("One")
    question = said("Two")
    sent = await talk.request(question)
    talk.refused(ChatContext([*talk.history.items, question]), sent)
    talk.history.items.append(question)
    talk.answer()
    assert talk.shown().look == Blind("refused", "camera")
    assert lines(await talk.turn("Three")) == ["[view of the user's camera at 22:13:21 UTC, no longer shown]"]


async def test_evidence_is_of_the_picture_that_the_model_has() -> None:
    """Its digest and its true age, and that it was not sent for this turn."""
    talk = Still()
    await talk.turn("One")
    first = evidence(talk.shown())
    await talk.turn("Two")
    second = evidence(talk.shown())
    assert (first["unchanged"], second["unchanged"]) == (False, True)
    assert second["frame_sha256"] == first["frame_sha256"]
    assert (first["frame_age_ms"], second["frame_age_ms"]) == (12, 1012)
    assert second["images"] == 1


async def test_nothing_is_said_of_changes_where_nobody_looks_for_them() -> None:
    """By default the event is as it always was, and each turn sends its picture."""
    talk = Talk()
    await talk.turn("One")
    assert pictures(await talk.turn("Two")) == [data_url("camera 2")]
    assert "unchanged" not in evidence(talk.shown())


async def test_album_keeps_a_picture_that_several_turns_share_once() -> None:
    """Each turn is counted, and its bytes are not."""
    talk = Still()
    album = Album(max_turns=8, max_bytes=len("camera 1"))
    for text in ("One", "Two", "Three"):
        await talk.turn(text)
        album.add(talk.shown().look)
    assert len(album) == 3
    found = album.turns_ago(1)
    assert isinstance(found, View)
    assert found.shots[0].image is talk.shown("speech_1").look.shots[0].image  # type: ignore[union-attr]


class StillScribe(Scribe):
    """A scribe of a scene that changes now and then."""

    def __init__(self, **options: int):
        super().__init__(**options)
        self.scene = self.sight = self.memory.sight = Scene()


async def changed(talk: Scribe) -> None:
    """The scene changes."""
    assert isinstance(talk, StillScribe)
    talk.scene.change()


MORE_STEPS: tuple[Callable[[Scribe], Awaitable[None]], ...] = (*STEPS, Scribe.spoken, Scribe.spoken, changed)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("max_views", [1, 3])
async def test_what_precedes_the_question_begins_the_next_request(max_views: int, seed: int) -> None:
    """Lines stay as they were written, whether the picture that they refer to is still there or not."""
    talk = StillScribe(max_views=max_views, max_uploads=2, max_turns=10_000)
    generator = random.Random(seed)
    for _ in range(80):
        await generator.choice(MORE_STEPS)(talk)
    for settled, following in zip(talk.settled, talk.sent[1:], strict=False):
        assert following[: len(settled)] == settled
    assert sum("still show" in item for item in talk.sent[-1]) > 0


async def test_request_before_an_unchanged_question_is_repeated_byte_for_byte() -> None:
    """Picture and all: what a provider has cached is all that was there."""
    talk = Still()
    before: list[ChatItem] = []
    for number in range(6):
        sent = await talk.turn(f"{number}")
        assert [item.model_dump() for item in sent.items[: len(before)]] == [item.model_dump() for item in before]
        before = sent.items
