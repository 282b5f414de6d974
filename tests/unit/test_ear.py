"""What counts as missed: speech of which nothing was understood, if the listener is to blame."""

from agent.ear import LONG_S, REPEAT_S, Ear


def spoke(ear: Ear, began: float, ended: float) -> None:
    """The caller speaks."""
    ear.speaking(began)
    ear.silent(ended)


def test_understood_speech_is_not_missed() -> None:
    """However long it was."""
    ear = Ear()
    spoke(ear, 10, 20)
    ear.transcript(20.3, final=True)
    assert ear.missed(21.5) is None


def test_short_noise_is_nobodys_fault() -> None:
    """A cough is heard as speech, and is no word."""
    ear = Ear()
    spoke(ear, 10, 10.4)
    assert ear.missed(12) is None


def test_long_speech_without_a_word_makes_the_listener_suspect() -> None:
    """It said nothing, not even that it failed."""
    ear = Ear()
    spoke(ear, 10, 10 + LONG_S)
    assert ear.missed(13) == "unheard"
    assert ear.suspects


def test_words_that_are_never_finished_make_the_listener_suspect() -> None:
    """It began to understand, and then said no more."""
    ear = Ear()
    ear.speaking(10)
    ear.transcript(10.7, final=False)
    ear.silent(11)
    assert ear.missed(13) == "unheard"
    assert ear.suspects


def test_fault_of_long_ago_is_not_held_against_a_cough() -> None:
    """A caller who was silent meanwhile gave the listener no chance to show that it is well."""
    ear = Ear()
    ear.fault(5)
    spoke(ear, 100, 100.4)
    assert ear.missed(102) is None


def test_listener_is_suspected_once_in_a_while() -> None:
    """Music is long and has no words either."""
    ear = Ear()
    spoke(ear, 10, 14)
    assert ear.missed(16) == "unheard"
    spoke(ear, 20, 24)
    assert ear.missed(26) is None
    spoke(ear, 16 + REPEAT_S, 20 + REPEAT_S)
    assert ear.missed(22 + REPEAT_S) == "deaf"


def test_fault_in_the_middle_takes_the_words_before_it_along() -> None:
    """What was understood so far was only a guess."""
    ear = Ear()
    ear.speaking(10)
    ear.transcript(10.8, final=False)
    ear.fault(11)
    ear.silent(11.5)
    assert ear.missed(13) == "unheard"
    assert not ear.suspects


def test_words_after_the_fault_are_answered() -> None:
    """The listener is back, and the caller hears that something was understood."""
    ear = Ear()
    ear.speaking(10)
    ear.fault(11)
    ear.silent(13)
    ear.transcript(13.2, final=True)
    assert ear.missed(14.5) is None


def test_fault_before_speech_counts_until_something_is_understood() -> None:
    """Who fails still, hears nothing; who has recovered is not blamed for a cough."""
    ear = Ear()
    ear.fault(5)
    spoke(ear, 10, 10.4)
    assert ear.missed(12) == "unheard"
    spoke(ear, 20, 21)
    ear.transcript(21.2, final=True)
    assert ear.missed(22) is None
    spoke(ear, 30, 30.4)
    assert ear.missed(32) is None


def test_second_miss_in_a_row_is_no_slip() -> None:
    """The caller is told of another way."""
    ear = Ear()
    for began in (10, 20):
        ear.fault(began)
        spoke(ear, began, began + 1)
        missed = ear.missed(began + 3)
    assert missed == "deaf"


def test_nothing_is_missed_before_the_caller_has_stopped() -> None:
    """A pause is not the end."""
    ear = Ear()
    spoke(ear, 10, 12)
    ear.speaking(12.5)
    assert ear.missed(13.5) is None
    ear.silent(14)
    assert ear.missed(15.5) == "unheard"


def test_next_sentence_is_judged_by_itself() -> None:
    """What was understood of the one before does not excuse the listener, however soon it follows."""
    ear = Ear()
    spoke(ear, 10, 12)
    ear.transcript(12.2, final=True)
    ear.speaking(13)
    assert ear.missed(13.5) is None
    ear.silent(15)
    assert ear.missed(16.5) == "unheard"


def test_end_of_a_sentence_that_was_understood_is_no_miss() -> None:
    """A transcript may be final before the caller is known to have stopped."""
    ear = Ear()
    ear.speaking(10)
    ear.transcript(12, final=True)
    ear.silent(12.5)
    assert ear.missed(14) is None
