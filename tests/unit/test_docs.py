"""The documents say what is so: each table, command, link and example is held against the code."""

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from livekit.agents.llm import ChatMessage

from agent.dispatch import Dispatch
from agent.errors import UploadCode
from agent.ops.doctor import NAMES
from agent.turns import evidence, timings
from agent.vision.track import BlindReason
from config.envfile import render_table
from sandbox.caller.command import parser

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])


def section(title: str) -> str:
    """The text of one section of the README."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(text: str, after: str) -> set[str]:
    """The code names in the first column of the table that follows a piece of text."""
    rows = text.split(after)[1].lstrip().split("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def blocks(language: str) -> list[str]:
    """Every fenced block of a language in the README."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_settings_table_is_rendered_from_the_settings() -> None:
    """`make env-example` renews it."""
    assert render_table() in README


def test_upload_codes_are_those_that_are_sent() -> None:
    """A frontend can rely on the list."""
    assert first_column(section("In the room"), "with its `code`:") == set(get_args(UploadCode))


def test_metadata_fields_are_those_that_are_accepted() -> None:
    """Neither more nor fewer."""
    assert first_column(section("Bring the agent into a room"), "unknown ones refuse the job:") == set(
        Dispatch.model_fields
    )


def test_vision_status_values_are_named() -> None:
    """Every value a client may see stands in the table."""
    row = next(line for line in section("In the room").splitlines() if "`vision.status`" in line)
    named = set(re.findall(r"`([a-z]+)`", row.split("|")[3]))
    passing = {"failed", "starting", "late", "refused"}
    assert named == {"camera", "screen", "both"} | set(get_args(BlindReason)) - passing


def test_logged_turn_in_the_readme_has_the_fields_that_are_logged() -> None:
    """The example is one that the worker could have written."""
    example = json.loads(blocks("json")[0])
    logged = {"event", "turn", "kind", "speculative", "held", "interrupted", "cut_short", "stall_ms"}
    logged |= {
        *evidence(None),
        *timings(None, ChatMessage(role="assistant", content=[])),
        "tokens_in",
        "tokens_cached",
        "tokens_out",
    }
    assert set(example) == logged


def test_doctors_report_in_the_readme_has_the_rows_that_are_printed() -> None:
    """In their order."""
    rows = [row for row in blocks("text")[0].split("\n\n")[0].splitlines() if not row.startswith(" ")]
    assert [re.split(r"\s{2,}", row)[0] for row in rows] == ["settings", *NAMES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that exists."""
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_exist(page: Path) -> None:
    """Every `make` command that is told can be run."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    told = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(told) <= targets


def test_scripted_caller_takes_the_arguments_of_the_readme() -> None:
    """The command line that is told is one that is understood."""
    command = next(line for block in blocks("sh") for line in block.splitlines() if "sandbox call" in line)
    arguments = [quoted or plain for quoted, plain in re.findall(r'"([^"]+)"|(\S+)', command)]
    parser().parse_args(arguments[arguments.index("call") + 1 :])


def test_python_examples_compile() -> None:
    """They are run against a real server by the room tests."""
    assert [compile(block, "README.md", "exec") for block in blocks("python")]


def test_licence_of_every_direct_dependency_is_told() -> None:
    """Who deploys this knows what they deploy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["sandbox"]]
    told = section("Licences of what it uses")
    assert [name for need in wanted if (name := re.split(r"[\[<>=]", need)[0]) not in told] == []
