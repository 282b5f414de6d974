"""Which jobs are taken, and why others are not."""

import pytest

from agent.admission import load, refusal
from config.groups import WorkerSettings


@pytest.mark.parametrize(
    ("calls", "memory", "expected"),
    [
        (0, 0.0, None),
        (4, 0.79, None),
        (5, 0.0, ("full", "5 calls already")),
        (4, 0.8, ("memory", "80% of memory in use")),
    ],
)
def test_job_is_refused_at_the_limit_and_not_before(
    calls: int, memory: float, expected: tuple[str, str] | None
) -> None:
    """The reason names what was found."""
    assert refusal(WorkerSettings(max_jobs=5, max_memory=0.8), calls, memory, 0.1) == expected


@pytest.mark.parametrize(
    ("max_load", "calls", "memory", "cpu", "expected"),
    [
        (0.7, 0, 0.1, 0.4, 0.4),
        (0.7, 5, 0.1, 0.4, 1.0),
        (0.7, 1, 0.9, 0.4, 1.0),
        (0.7, 1, 0.1, 0.7, 1.0),
        (0.9, 1, 0.1, 0.8, 0.69),
        (0.0, 0, 0.1, 0.9, 0.0),
        (0.0, 4, 0.1, 0.9, 0.552),
        (0.0, 5, 0.1, 0.0, 1.0),
    ],
)
def test_load_is_full_for_who_would_refuse(
    max_load: float, calls: int, memory: float, cpu: float, expected: float
) -> None:
    """Else a node of full workers would be asked before one with room."""
    settings = WorkerSettings(max_jobs=5, max_memory=0.8, max_load=max_load)
    assert load(settings, calls, memory, cpu) == pytest.approx(expected)


def test_worker_that_cannot_start_processes_refuses_and_is_full() -> None:
    """Another worker may serve the call."""
    settings = WorkerSettings()
    assert refusal(settings, 0, 0.1, 0.1, broken=True) == ("broken", "job processes can't start")
    assert load(settings, 0, 0.1, 0.1, broken=True) == 1.0


def test_memory_can_be_left_out_of_account() -> None:
    """Zero means never, as for CPU."""
    assert refusal(WorkerSettings(max_memory=0, max_load=0), 0, 1.0, 1.0) is None
