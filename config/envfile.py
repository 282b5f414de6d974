"""Renders `.env.example` and the README's table from the settings, so that neither can drift.

Usage: `python -m config.envfile > .env.example`, `python -m config.envfile --table`.
"""

import inspect
import sys
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from config.settings import variables


def render_env() -> str:
    """A commented `.env` file: required variables open, everything else commented out at its default."""
    lines = [
        "# Settings of Sighted, generated from config/ by `make env-example`.",
        "# Required ones stand open; the others are commented out at their defaults.",
    ]
    current: type[BaseSettings] | None = None
    for name, section, field in variables():
        if section is not current:
            lines += ["", f"# --- {_title(section)} ---"]
            current = section
        info = section.model_fields[field]
        lines += ["", f"# {info.description}", f"{name}=" if info.is_required() else f"#{name}={default(info)}"]
    return "\n".join(lines) + "\n"


def render_table() -> str:
    """A Markdown table of every variable, for the README."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, section, field in variables():
        info = section.model_fields[field]
        shown = "required" if info.is_required() else f"`{default(info)}`" if default(info) else "unset"
        rows.append(f"| `{name}` | {shown} | {info.description}{_bounds(info)} |")
    return "\n".join(rows) + "\n"


def default(info: FieldInfo) -> str:
    """The default as one would write it into an environment variable."""
    value = info.default
    if value is None or isinstance(value, SecretStr):
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


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
    sys.stdout.write(render_table() if "--table" in sys.argv[1:] else render_env())
