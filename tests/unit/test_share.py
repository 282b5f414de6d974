"""The share of memory in use, as the system's files tell it."""

from pathlib import Path

import pytest

from agent.ops.share import memory_share

MACHINE = {
    "proc/meminfo": "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\nHugePages_Total:   0\n"
}


def system(root: Path, files: dict[str, str]) -> Path:
    """A machine with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 0.4),
        (
            {
                "sys/fs/cgroup/memory.max": "500000\n",
                "sys/fs/cgroup/memory.current": "450000\n",
                "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 50000\n",
            },
            0.8,
        ),
        ({"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "450000\n"}, 0.4),
        (
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "500000\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "450000\n",
                "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100000\n",
            },
            0.7,
        ),
        (
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "450000\n",
            },
            0.4,
        ),
    ],
    ids=["machine", "cgroup 2", "cgroup 2 without a limit", "cgroup 1", "cgroup 1 without a limit"],
)
def test_share_is_of_the_limit_that_holds(tmp_path: Path, files: dict[str, str], expected: float) -> None:
    """A container's own limit counts where it has one; what the kernel would give back does not."""
    assert memory_share(system(tmp_path, MACHINE | files)) == pytest.approx(expected)


def test_container_with_a_limit_is_not_judged_by_its_neighbours(tmp_path: Path) -> None:
    """Else one busy machine would have every worker on it refuse all calls."""
    files = {"sys/fs/cgroup/memory.max": "900000\n", "sys/fs/cgroup/memory.current": "9000\n"}
    assert memory_share(system(tmp_path, MACHINE | files)) == pytest.approx(0.01)


def test_system_that_does_not_tell_refuses_nothing(tmp_path: Path) -> None:
    """There is no such file but on Linux."""
    assert memory_share(tmp_path) == 0.0


def test_this_machine_tells() -> None:
    """The files have the shape that is read."""
    assert 0 < memory_share() < 1
