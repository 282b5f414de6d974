"""The pictures of earlier turns, and how many of them are kept."""

import pytest

from agent.vision.album import Album
from agent.vision.view import Blind, View
from tests.fakes import view

BLIND = Blind("muted", "camera")


def album(*looks: View | Blind, max_turns: int = 3, max_bytes: int = 1000) -> Album:
    """An album to which these were added."""
    made = Album(max_turns=max_turns, max_bytes=max_bytes)
    for look in looks:
        made.add(look)
    return made


def test_turns_are_counted_back_from_the_newest() -> None:
    """One is the turn before the present one."""
    kept = album(view("one"), view("two"), view("three"))
    assert [kept.turns_ago(count) for count in (1, 2, 3)] == [view("three"), view("two"), view("one")]


@pytest.mark.parametrize("count", [-1, 0, 3, 100])
def test_turn_that_is_not_kept_is_none(count: int) -> None:
    """The present turn, a later one, or one too long ago."""
    assert album(view("one"), view("two")).turns_ago(count) is None


def test_nothing_is_kept_of_a_call_that_has_just_begun() -> None:
    """And nothing fails for it."""
    assert len(album()) == 0
    assert album().turns_ago(1) is None


def test_oldest_turn_goes_first() -> None:
    """When there are more than may be kept."""
    kept = album(*(view(f"{number}") for number in range(10)))
    assert len(kept) == 3
    assert [kept.turns_ago(count) for count in (1, 3, 4)] == [view("9"), view("7"), None]


def test_blind_turns_count() -> None:
    """The model counts the user's turns, and one that was not seen is one of them."""
    kept = album(view("one"), BLIND, view("three"))
    assert [kept.turns_ago(count) for count in (1, 2, 3)] == [view("three"), BLIND, view("one")]
    assert len(album(*[BLIND] * 10)) == 3


def test_bytes_are_bounded_however_few_turns_they_are() -> None:
    """Just as many as are allowed stay; one more and the oldest goes."""
    kept = album(view("one", size=500), view("two", size=500))
    assert len(kept) == 2
    kept.add(view("three", size=1))
    assert [kept.turns_ago(count) for count in (1, 2, 3)] == [view("three", size=1), view("two", size=500), None]


def test_both_pictures_of_a_turn_count() -> None:
    """They are kept and dropped together."""
    both = View((*view("screen", "screen", size=300).shots, *view("camera", size=300).shots))
    kept = album(both)
    assert kept.turns_ago(1) == both
    kept.add(view("next", size=401))
    assert [kept.turns_ago(1), kept.turns_ago(2)] == [view("next", size=401), None]


def test_picture_that_is_too_large_alone_is_not_kept() -> None:
    """Nor is any before it: turns are counted without a gap, and those after it are counted rightly."""
    kept = album(view("one"), view("two", size=1001))
    assert len(kept) == 0
    kept.add(view("three"))
    assert [kept.turns_ago(1), kept.turns_ago(2)] == [view("three"), None]


def test_album_never_holds_more_than_it_may() -> None:
    """Over a long call with pictures of every size."""
    kept = album(max_turns=8, max_bytes=1000)
    for number in range(200):
        kept.add(BLIND if number % 7 == 0 else view(f"{number}", size=1 + number * 37 % 900))
        looks = [kept.turns_ago(count) for count in range(1, len(kept) + 1)]
        assert len(looks) <= 8
        assert sum(len(shot.image.data) for look in looks if isinstance(look, View) for shot in look.shots) <= 1000
        assert looks
