"""The share of memory that is in use: of the container's limit, else of the machine's memory."""

from pathlib import Path

_ROOT = Path("/")


def memory_share(root: Path = _ROOT) -> float:
    """From 0 to 1; 0 where the system does not tell (it is not Linux).

    What the kernel would give back at once, files read long ago, is not counted, as in Kubernetes' working set.

    Args:
        root: Where the system's files are.
    """
    machine = _fields(root / "proc/meminfo", scale=1024)
    total = machine.get("MemTotal:", 0)
    if not total:
        return 0.0
    in_use = total - machine.get("MemAvailable:", total)
    container = _container(root / "sys/fs/cgroup", total)
    return in_use / total if container is None else container


def _container(cgroup: Path, total: int) -> float | None:
    for limit_file, usage_file, stat_file, inactive in (
        ("memory.max", "memory.current", "memory.stat", "inactive_file"),  # cgroup v2
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "total_inactive_file",
        ),  # v1
    ):
        limit, usage = _number(cgroup / limit_file), _number(cgroup / usage_file)
        if limit is not None and usage is not None and 0 < limit < total:  # else there is no limit
            reclaimable = _fields(cgroup / stat_file).get(inactive, 0)
            return max(0, usage - reclaimable) / limit
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there, or `max`
        return None


def _fields(path: Path, scale: int = 1) -> dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {line[0]: int(line[1]) * scale for line in lines}
    except (OSError, ValueError, IndexError):
        return {}
