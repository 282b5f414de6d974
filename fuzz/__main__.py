"""`make fuzz`: a fixed number of inputs, shared out among the targets, within a fixed time.

Progress and results go to standard error, everything else into the work folder `.fuzz`: per target its `log`, its
`corpus`, which the next run goes on from, and what it `found`. It exits with 1 if anything was found.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fuzz.seeds import seeds

_WORK = Path(".fuzz")
_HERE = Path(__file__).parent
_SLOW_S = 10
"""Seconds that one input may take: as long as the decoder gives a picture by default."""
_MEMORY_MB = 2048


@dataclass(frozen=True, slots=True)
class Target:
    """A module of this package that judges inputs.

    Attributes:
        share: Of all inputs.
        max_bytes: Of one input.
    """

    share: float
    max_bytes: int


_TARGETS = {
    "wire": Target(0.05, 4096),
    "kind": Target(0.05, 2048),
    "reference": Target(0.05, 4096),
    "dispatch": Target(0.05, 2048),
    "picture": Target(0.8, 8192),  # last: it is the slowest, and takes what time is left
}


def main() -> int:
    """Fuzz, and tell what was done and found."""
    parser = argparse.ArgumentParser(
        prog="make fuzz ARGS=...", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=_TARGETS, metavar="NAME", help=", ".join(_TARGETS))
    parser.add_argument("--budget", type=int, default=1_000_000, help="inputs of all targets (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=1_500, help="for all targets (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the random numbers; 0, the default, for another each time"
    )
    parser.add_argument(
        "--findings", type=int, default=3, help="of one target, after which it ends (default: %(default)s)"
    )
    parser.add_argument(
        "--asan", action="store_true", help="watch allocations and what is copied into them (Linux; slow)"
    )
    options = parser.parse_args()
    chosen = {name: target for name, target in _TARGETS.items() if name in (options.only or _TARGETS)}
    whole = sum(target.share for target in chosen.values())
    ends = time.monotonic() + options.seconds
    found = []
    for name, target in chosen.items():
        inputs = round(options.budget * target.share / whole)
        flags = [f"-seed={options.seed}"]
        found += _fuzz(name, target, inputs, ends, flags=flags, findings=options.findings, asan=options.asan)
    for path in found:
        _say(
            f"FOUND {path}\n  Try it again with: .venv-fuzz/bin/python -m fuzz.{path.parent.parent.name} {path}\n"
            "  Once it is mended, put it into tests/data/uploads: into the script there that makes such files if it can"
            " be made, else as found_WHAT_IS_WRONG.bin, with the outcome it should have."
        )
    return 1 if found else 0


def _fuzz(
    name: str, target: Target, inputs: int, ends: float, *, flags: list[str], findings: int, asan: bool
) -> list[Path]:
    """One target, again after each finding until all its inputs were tried; what it found."""
    work = _WORK / name
    for folder in ("corpus", "seeds", "found"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for path in (work / "seeds").iterdir():
        path.unlink()
    for number, data in enumerate(seeds(name, target.max_bytes)):
        (work / "seeds" / f"{number:03}").write_bytes(data)
    (work / "log").unlink(missing_ok=True)
    _say(f"{name}: {inputs:,} inputs; how it goes is in {work / 'log'}")
    found: list[Path] = []
    outcomes: Counter[str] = Counter()
    started, left = time.monotonic(), inputs
    while left > 0 and len(found) < findings and (seconds := int(ends - time.monotonic())) > 0:
        before = len(_read(work / "log"))
        ended = _run(name, target, [*flags, f"-runs={left}", f"-max_total_time={seconds}"], _asan() if asan else {})
        log = _read(work / "log")[before:]
        left -= max(1, *_numbers(r"number_of_executed_units: (\d+)", log))
        outcomes.update(json.loads((re.findall(r"^outcomes: (\{.*\})$", log, flags=re.MULTILINE) or ["{}"])[-1]))
        if not ended:
            break
        if not (kept := re.search(r"Test unit written to (\S+/found/(?!slow-unit)\S+)", log)):
            raise SystemExit(f"fuzz: {name} could not run, see {work / 'log'}")
        found.append(Path(kept[1]))
    if outcomes:
        _say(f"{name}: {', '.join(f'{what} {times:,}' for what, times in outcomes.most_common())}")
    _tell(name, _read(work / "log"), tried=inputs - max(0, left), wanted=inputs, seconds=time.monotonic() - started)
    return found


def _run(name: str, target: Target, flags: list[str], variables: dict[str, str]) -> int:
    """One process, which ends at its first finding; its exit code."""
    work = _WORK / name
    dictionary = _HERE / f"{name}.dict"
    command = [
        *(sys.executable, "-m", f"fuzz.{name}", *flags),
        *(f"-max_len={target.max_bytes}", f"-timeout={_SLOW_S}", f"-rss_limit_mb={_MEMORY_MB}"),
        *(f"-artifact_prefix={work / 'found'}{os.sep}", "-print_final_stats=1", "-reload=0"),
        *([f"-dict={dictionary}"] if dictionary.exists() else []),
        *(str(work / "corpus"), str(work / "seeds")),
    ]
    with (work / "log").open("ab") as log:
        return subprocess.run(  # noqa: S603 - our own module
            command, stdout=log, stderr=log, env={**os.environ, **variables}, check=False
        ).returncode


def _asan() -> dict[str, str]:
    """The variables that put AddressSanitizer's allocator, which Atheris brings along, below everything."""
    spec = find_spec("atheris")
    assert spec is not None
    assert spec.origin is not None
    return {
        "LD_PRELOAD": str(Path(spec.origin).parents[1] / "asan_with_fuzzer.so"),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32",
    }


def _tell(name: str, log: str, *, tried: int, wanted: int, seconds: float) -> None:
    edges, features, files = (_numbers(rf"{what}: (\d+)", log)[-1] for what in ("cov", "ft", "corp"))
    slowest, memory = (max(_numbers(rf"{what}: +(\d+)", log)) for what in ("slowest_unit_time_sec", "peak_rss_mb"))
    _say(
        f"{name}: {tried:,} of {wanted:,} inputs in {seconds:.0f} s ({tried / max(seconds, 1):,.0f}/s), coverage"
        f" {edges:,} edges and {features:,} features by {files:,} files, slowest {slowest} s, at most {memory:,} MB"
    )
    for wrong in re.findall(
        r"Uncaught Python exception: ===\n(.*)|(SUMMARY: libFuzzer: (?!fuzz target exited).*)", log
    ):
        _say(f"{name}: {''.join(wrong)}")


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _numbers(pattern: str, log: str) -> list[int]:
    return [int(number) for number in re.findall(pattern, log)] or [0]


def _say(text: str) -> None:
    print(f"fuzz: {text}", file=sys.stderr, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main())
