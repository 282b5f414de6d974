"""What is wrong with a configuration, in plain words."""

import difflib
from collections.abc import Iterable

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings


class ConfigError(Exception):
    """The environment does not describe a worker that could run.

    Attributes:
        problems: Every problem found, one sentence each, sorted as the settings are.
    """

    def __init__(self, problems: list[str]):
        super().__init__("\n".join(problems))
        self.problems = problems


def describe(section: type[BaseSettings], error: ValidationError) -> list[str]:
    """One sentence for each problem: the variable, what was found (never a secret), what is allowed."""
    return [_sentence(section, problem) for problem in error.errors()]


def _sentence(section: type[BaseSettings], problem: ErrorDetails) -> str:
    if problem["type"] == "combination":
        return problem["msg"]  # of several settings, which it names
    prefix = section.model_config.get("env_prefix", "")
    # A field whose name would be a word of Python is told by the variable's own name, and has an underscore.
    field = str(problem["loc"][0]).lower().removeprefix(prefix.lower())
    known = section.model_fields.get(field) or section.model_fields[f"{field}_"]
    name = f"{prefix}{field}".upper()
    if problem["type"] == "reference":
        return f"{name}: {problem['msg']}"  # it names what was found, which may be very long
    if problem["type"] in {"missing", "unset"}:
        return f"{name}: not set. {known.description}"
    if problem["type"] in {"string_too_short", "too_short"} or problem["input"] == "":
        return f"{name}: empty. {known.description}"
    found = "a secret" if SecretStr.__name__ in str(known.annotation) else repr(problem["input"])
    if problem["type"] == "string_pattern_mismatch":
        return f"{name}: found {found}. {known.description}"
    allowed = problem["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{name}: found {found}, which {allowed}"


def misspelt(environ: Iterable[str], known: list[str]) -> list[str]:
    """Variables that were meant for us but that nothing reads.

    Meant for us is a `GROUP__NAME` whose group is ours, or that differs from one of our names by a slip in the
    group alone (`VISON__SOURCE`). Anything else belongs to another program.
    """
    allowed = set(known)
    groups = {name.split("__")[0] for name in known if "__" in name}
    problems = []
    for name in sorted({variable.upper() for variable in environ} - allowed):
        group, separator, rest = name.partition("__")
        if not separator or not group or not rest:
            continue
        if group in groups:
            close = difflib.get_close_matches(name, allowed, n=1, cutoff=0.6)
            own = ", ".join(sorted(other for other in allowed if other.startswith(f"{group}__")))
            hint = f"did you mean {close[0]}?" if close else f"allowed: {own}"
        else:
            # Short groups (LOG, STT) are one letter away from too many other programs' names.
            near = difflib.get_close_matches(group, [g for g in groups if len(g) >= 5], n=1, cutoff=0.8)
            if not near or f"{near[0]}__{rest}" not in allowed:
                continue
            hint = f"did you mean {near[0]}__{rest}?"
        problems.append(f"{name}: no such setting; {hint}")
    return problems
