"""The doctor's report: what it looks like and which exit code follows."""

import json

import pytest

from agent.ops.finding import Finding, Verdict, exit_code, render_json, render_table

FINE = Finding("settings", Verdict("ok", "all are valid"), 3)
LATE = Finding("LiveKit clock", Verdict("warning", "40.0 s behind the server's", "Set this machine's clock."), 12)
REFUSED = Finding("model", Verdict("failed", "the key is refused (HTTP 401)", "Check OPENAI_API_KEY."), 1204)
UNSET = Finding("images", Verdict("skipped", "no pictures are set"))
WRONG = Finding("LOG__LEVEL", Verdict("failed", "found 'loud'", "Correct it.", "settings"))
ODD = Finding("model", Verdict("failed", "ended with KeyError", cause="unknown"), 1)


def test_table_is_aligned_and_tells_what_to_do() -> None:
    """One line each; advice stands below what was found."""
    assert render_table([FINE, LATE, REFUSED, UNSET]) == (
        "settings       ok           3 ms  all are valid\n"
        "LiveKit clock  warning     12 ms  40.0 s behind the server's\n"
        "                                  > Set this machine's clock.\n"
        "model          failed   1,204 ms  the key is refused (HTTP 401)\n"
        "                                  > Check OPENAI_API_KEY.\n"
        "images         skipped            no pictures are set\n"
        "\n"
        "Not ready: 1 failed, 1 to look at, 1 not checked."
    )


@pytest.mark.parametrize(
    ("findings", "summary"),
    [
        ([FINE], "Ready for calls."),
        ([FINE, LATE], "Ready for calls; 1 to look at."),
        ([FINE, UNSET], "Ready for calls; 1 not checked."),
        ([REFUSED], "Not ready: 1 failed."),
    ],
)
def test_last_line_says_how_it_stands(findings: list[Finding], summary: str) -> None:
    """Warnings do not stop anybody."""
    assert render_table(findings).splitlines()[-1] == summary


def test_foreign_words_cannot_draw_on_the_terminal() -> None:
    """A provider's answer is printed without its control characters."""
    finding = Finding("model", Verdict("failed", "said \x1b[2J\nmodel  ok"))
    assert render_table([finding]).splitlines()[0] == "model  failed     said  [2J model  ok"


def test_json_holds_the_same() -> None:
    """One object, with the exit code that the process ends with."""
    told = json.loads(render_json([FINE, REFUSED]))
    assert told["exit_code"] == 69
    assert told["findings"] == [
        {"name": "settings", "status": "ok", "found": "all are valid", "advice": "", "cause": None, "took_ms": 3},
        {
            "name": "model",
            "status": "failed",
            "found": "the key is refused (HTTP 401)",
            "advice": "Check OPENAI_API_KEY.",
            "cause": "contact",
            "took_ms": 1204,
        },
    ]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([FINE, LATE, UNSET], 0),
        ([FINE, REFUSED], 69),
        ([FINE, ODD], 70),
        ([ODD, REFUSED], 69),
        ([ODD, REFUSED, WRONG], 78),
    ],
)
def test_exit_code_tells_the_weightiest_failure(findings: list[Finding], code: int) -> None:
    """Warnings and what was skipped are no failure."""
    assert exit_code(findings) == code
