"""The benchmark's arithmetic and its table."""

import pytest

from bench.report import (
    BY_HAND,
    Row,
    Section,
    both,
    by_hand,
    document,
    percentile,
    ratio_of_medians,
    share,
    spread,
    table,
)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7.0], 95, 7.0), ([1.0, 2.0, 3.0], 50, 2.0), ([3.0, 1.0, 2.0], 100, 3.0), ([0.0, 10.0], 95, 9.5)],
)
def test_percentile_is_interpolated(values: list[float], percent: float, expected: float) -> None:
    """Of a single value it is that value, and the order does not matter."""
    assert percentile(values, percent) == pytest.approx(expected)


def test_ratio_of_equal_series_is_one_within_noise() -> None:
    """The interval holds 1.00 and is as wide as the series are noisy."""
    calm = ratio_of_medians([900.0, 901.0, 899.0] * 6, [900.0, 899.0, 901.0] * 6)
    wild = ratio_of_medians([700.0, 900.0, 1100.0] * 6, [1100.0, 700.0, 900.0] * 6)
    for ratio in (calm, wild):
        assert ratio.value == pytest.approx(1.0)
        assert ratio.low <= 1.0 <= ratio.high
    assert wild.high - wild.low > calm.high - calm.low


def test_ratio_of_a_slower_series_lies_above_one() -> None:
    """A real difference is not taken for noise, and the same series always give the same interval."""
    slow, fast = [1250.0, 1240.0, 1260.0] * 6, [900.0, 890.0, 910.0] * 6
    ratio = ratio_of_medians(slow, fast)
    assert ratio.low > 1.3
    assert ratio == ratio_of_medians(slow, fast)
    assert str(ratio).startswith("1.39 (")


def test_spread_of_nothing_is_a_dash() -> None:
    """A blind contender has no picture whose age could be told."""
    assert spread([], "ms") == "-"
    assert spread([60.0, 62.0, 61.0], "ms") == "61 / 62 ms"


def test_share_counts() -> None:
    """How many of how many."""
    assert share([True, False, True]) == "2 of 3"


@pytest.mark.parametrize(("reached", "verdict"), [(True, "reached"), (False, "**missed**"), (None, "")])
def test_verdict_of_a_row(reached: bool | None, verdict: str) -> None:  # noqa: FBT001 - a parameter of the test
    """A row without a goal has none."""
    row = Row("figure", "1", "2", "3", reached)
    assert row.verdict == verdict
    assert table([row]).splitlines()[-1] == f"| figure | 1 | 2 | 3 | {verdict} |"


def test_document_holds_rows_methods_machine_and_command() -> None:
    """Everything a reader needs to judge a figure, or to measure it again."""
    text = document([Section([Row("age", "70 ms", "50 ms")], "Ages: by the stamp.")], "make bench")
    assert "`make bench`" in text
    assert "| age | 70 ms | 50 ms |  |  |" in text
    assert "- Ages: by the stamp." in text
    assert "livekit-agents" in text
    assert text.endswith("machine.\n")


def test_what_people_wrote_is_kept() -> None:
    """A renewed table does not cost the explanation below it."""
    assert by_hand(f"# Results\n\n| old |\n\n{BY_HAND}\n\nBecause.\n") == f"\n{BY_HAND}\n\nBecause.\n"
    assert by_hand("# Results\n") == ""


def test_equal_cells_are_told_once() -> None:
    """Both settings of attention share a cell."""
    assert both("no picture", "no picture") == "no picture"
    assert both("40 ms", "60 ms") == "40 ms; adaptive: 60 ms"
