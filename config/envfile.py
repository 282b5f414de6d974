"""Renders `.env.example` and the README's table from the settings, so that neither can drift.

Usage: `python -m config.envfile > .env.example`, `python -m config.envfile --table`,
`python -m config.envfile --readme README.md`.
"""

import argparse
import inspect
import sys
from pathlib import Path
from typing import Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from config.settings import variables

BEGIN: Final = "<!-- settings:begin -->"
END: Final = "<!-- settings:end -->"
"""The lines between which the README's table stands."""


def render_env() -> str:
    """A commented `.env` file: required variables open, everything else commented out at its default."""
    lines = [
        "# Settings of Sighted, generated from config/ by `make env-example`.",
        "# Required ones stand open; the others are commented out at their defaults.",
        "# Every key and secret can be given by file as well: NAME_FILE=/run/secrets/name in place of NAME.",
    ]
    current: type[BaseSettings] | None = None
    for name, section, field in variables():
        if section is not current:
            lines += ["", f"# --- {_title(section)} ---"]
            current = section
        info = section.model_fields[field]
        lines += ["", f"# {_meaning(info)}", f"{name}=" if _required(info) else f"#{name}={default(info)}"]
    return "\n".join(lines) + "\n"


def render_table() -> str:
    """A Markdown table of every variable, for the README."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, section, field in variables():
        info = section.model_fields[field]
        shown = "required" if _required(info) else f"`{default(info)}`" if default(info) else "unset"
        rows.append(f"| `{name}` | {shown} | {_meaning(info)}{_bounds(info)} |")
    return "\n".join(rows) + "\n"


def with_table(page: str) -> str:
    """The page with what stands between the markers replaced by the table.

    Raises:
        ValueError: If the markers do not stand there, each once, on lines of their own and in their order.
    """
    lines = page.splitlines()
    if [line for line in lines if line in {BEGIN, END}] != [BEGIN, END]:
        raise ValueError(f"expected the lines {BEGIN} and {END}, once each and in this order")
    before, after = lines[: lines.index(BEGIN) + 1], lines[lines.index(END) :]
    return "\n".join([*before, render_table().rstrip("\n"), *after]) + "\n"


def main(arguments: list[str]) -> str | None:
    """Write what was asked for; returns what went wrong, if anything, for `sys.exit`."""
    parser = argparse.ArgumentParser(prog="python -m config.envfile", description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--table", action="store_true", help="print the Markdown table")
    form.add_argument("--readme", type=Path, metavar="FILE", help="renew the table in FILE")
    options = parser.parse_args(arguments)
    if options.readme is None:
        sys.stdout.write(render_table() if options.table else render_env())
        return None
    try:
        renewed = with_table(options.readme.read_text(encoding="utf-8"))
        options.readme.write_text(renewed, encoding="utf-8")
    except (OSError, ValueError) as error:
        return f"{options.readme}: {error}"
    return None


def default(info: FieldInfo) -> str:
    """The default as one would write it into an environment variable."""
    value = info.default
    if value in {None, ()} or isinstance(value, SecretStr):
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _required(info: FieldInfo) -> bool:
    """Whether nothing runs without it, or nothing by the other defaults."""
    extra = info.json_schema_extra
    return info.is_required() or (isinstance(extra, dict) and extra.get("required") is True)


def _meaning(info: FieldInfo) -> str:
    """On one line, however the docstring was broken."""
    return " ".join((info.description or "").split())


def _bounds(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return " One of " + ", ".join(f"`{choice}`" for choice in get_args(info.annotation)) + "."
    limits = {
        sign: getattr(bound, attribute)
        for bound in info.metadata
        for attribute, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if getattr(bound, attribute, None) is not None
    }
    return " (" + ", ".join(f"{sign} {value}" for sign, value in limits.items()) + ")" if limits else ""


def _title(section: type[BaseSettings]) -> str:
    return (inspect.getdoc(section) or section.__name__).splitlines()[0].rstrip(".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
