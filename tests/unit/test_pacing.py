"""When the next picture of a live video is due."""

from agent.realtime.pacing import NEVER, SOON_S, Pacing


def pacing(*, speaking: float = 1.0, silent: float = 0.25) -> Pacing:
    """One picture a second in speech, one in four in silence."""
    return Pacing(fps_speaking=speaking, fps_silent=silent)


def test_first_one_is_due_at_once() -> None:
    """Nobody has seen anything yet."""
    assert pacing().due_in(5.0) == 0


def test_silence_and_speech_have_their_own_pace() -> None:
    """Counted from the last one."""
    paced = pacing()
    paced.looked(10.0)
    assert paced.due_in(11.0) == 3.0
    paced.speaking(True)
    paced.looked(11.0)
    assert paced.due_in(11.5) == 0.5
    assert paced.due_in(20.0) == 0


def test_beginning_and_end_of_speech_are_seen_at_once() -> None:
    """Each of them once."""
    paced = pacing()
    paced.looked(10.0)
    for value in (True, False):
        assert paced.speaking(value) is True
        assert paced.due_in(10.1) == 0
        assert paced.speaking(value) is False
        paced.looked(10.1)
        assert paced.due_in(10.1) > 0


def test_no_pictures_in_silence_means_none() -> None:
    """Until somebody speaks."""
    paced = pacing(silent=0)
    paced.looked(10.0)
    assert paced.due_in(1e9) == NEVER
    paced.speaking(True)
    assert paced.due_in(1e9) == 0


def test_what_is_lost_is_taken_again() -> None:
    """After a connection was made anew."""
    paced = pacing(silent=0)
    paced.looked(10.0)
    paced.again()
    assert paced.due_in(10.0) == 0


def test_what_is_on_its_way_is_looked_for_soon() -> None:
    """In silence, too."""
    for silent in (0.25, 0):
        paced = pacing(silent=silent)
        paced.looked(10.0, coming=True)
        assert paced.due_in(10.0) == SOON_S
        paced.looked(10.5)
        assert paced.due_in(10.5) > SOON_S
