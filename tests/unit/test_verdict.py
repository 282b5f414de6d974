"""What the doctor makes of clocks, answers and refusals."""

import pytest

from agent.ops.finding import Status
from agent.ops.verdict import (
    Provider,
    judge_answer,
    judge_clock,
    refused,
    status_of_close,
    too_slow,
    unreachable,
    without,
)

PALETTE = ("red", "green", "blue", "yellow", "black", "white")
PROVIDER = Provider("THE_API_KEY", "THE_BASE_URL", "THE__MODEL")


@pytest.mark.parametrize(
    ("skew_s", "status"),
    [
        (0, "ok"),
        (30, "ok"),
        (-30, "ok"),
        (31, "warning"),
        (-31, "warning"),
        (60, "warning"),
        (61, "failed"),
        (-61, "warning"),
        (-6 * 3600, "warning"),
        (-6 * 3600 - 1, "failed"),
    ],
)
def test_clock_fails_where_the_server_would_refuse_our_tokens(skew_s: float, status: Status) -> None:
    """A minute ahead, or as long behind as a token lives."""
    verdict = judge_clock(skew_s)
    assert verdict.status == status
    assert bool(verdict.advice) is (status != "ok")


def test_clock_tells_by_how_much_and_in_which_direction() -> None:
    """Whoever sets a clock needs to know."""
    assert judge_clock(45.23).found == "45.2 s ahead of the server's"
    assert judge_clock(-1800).found == "1,800.0 s behind the server's"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Red and blue.", True),
        ("blue, RED", True),
        ("I see mostly blue, with red.", True),
        ("**Red**, **Blue**", True),
        ("Red.", False),
        ("Red and green.", False),
        ("Red, green, blue, yellow, black or white.", False),
        ("Answer 7.", False),
        ("I can't see pictures.", False),
        ("Reddish and bluer.", False),
        ("", False),
    ],
)
def test_answer_must_name_what_was_shown_and_nothing_else(answer: str, *, right: bool) -> None:
    """Else whoever lists all colours would pass for one who sees."""
    assert judge_answer(answer, ("red", "blue"), PALETTE) is right


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Check THE__MODEL."),
        (401, "Check THE_API_KEY."),
        (403, "Check THE_API_KEY."),
        (404, "Check THE_BASE_URL and THE__MODEL."),
        (429, "Check quota and credit of the account behind THE_API_KEY."),
        (503, "The fault is on the other side: try again later, or check THE_BASE_URL."),
    ],
)
def test_refusal_names_the_variable_to_look_at(status: int, advice: str) -> None:
    """In the reader's own terms."""
    verdict = refused(PROVIDER, status, "No.")
    assert verdict.advice == advice
    assert str(status) in verdict.found


def test_end_of_a_web_socket_is_no_http_status() -> None:
    """Its codes are others."""
    assert refused(PROVIDER, 1006, "closed").found == "connection ended with code 1006: closed"


@pytest.mark.parametrize(
    ("code", "words", "status"),
    [
        (1007, "API key not valid. Please pass a valid API key.", 401),
        (1007, "Request contains an invalid argument.", 1007),
        (1008, "models/x is not found for API version v1beta", 404),
        (1011, "RESOURCE_EXHAUSTED: You exceeded your current quota", 429),
        (1011, "Internal error encountered.", 1011),
        (1006, "", 1006),
    ],
)
def test_geminis_codes_are_told_by_their_words(code: int, words: str, status: int) -> None:
    """Keys, models and quotas are what an operator can do something about."""
    assert status_of_close(code, words) == status


def test_words_about_a_refused_key_are_not_repeated() -> None:
    """Providers quote parts of the key in them."""
    assert refused(PROVIDER, 401, "Incorrect API key provided: sk-ab***yz").found == "the key is refused (HTTP 401)"


def test_long_words_are_cut_and_stand_on_one_line() -> None:
    """A gateway's error page is no line of a table."""
    found = refused(PROVIDER, 502, "<html>\n" * 100).found
    assert "\n" not in found
    assert len(found) < 200


def test_silence_and_absence_are_told_apart() -> None:
    """Both with what to look at."""
    assert too_slow(10).found == "no answer within 10 s"
    absent = unreachable("THE_BASE_URL", "a.example:443", "connection refused")
    assert absent.found == "no answer from a.example:443: connection refused"
    assert absent.advice.startswith("Check THE_BASE_URL")


def test_every_secret_is_struck_out() -> None:
    """Also one that holds another, and none that is empty."""
    assert without(["key", "", "key-long"], "with key-long and key") == "with *** and ***"
