"""Why a job process counts as lost."""

import pytest

from agent.ops.losses import why_lost


@pytest.mark.parametrize(
    ("exit_code", "condemned", "supervised", "expected"),
    [
        (0, None, False, None),
        (-9, "hung", False, "hung"),
        (-9, "late", True, "late"),
        (-9, None, True, "memory"),
        (-10, None, False, "memory"),
        (-9, None, False, "signal"),
        (-11, None, False, "signal"),
        (1, None, False, "exit"),
    ],
)
def test_loss_is_told_by_how_the_process_ended(
    exit_code: int, condemned: str | None, *, supervised: bool, expected: str | None
) -> None:
    """What we ended ourselves is known best; the framework's blows come next."""
    assert why_lost(exit_code, condemned=condemned, supervised=supervised) == expected
