"""The operator's own tools: found, or refused in plain words before the worker starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import ToolsError
from agent.toolbox import load_tools
from tests.fakes import REQUIRED

MODULE = '''
from livekit.agents.llm import function_tool

@function_tool
async def opening_hours(day: str) -> str:
    """Tell when the shop is open."""
    return "nine to five"

@function_tool
async def look() -> str:
    """Look."""
    return ""

BOTH = [opening_hours, look]
HOURS = (opening_hours,)
NUMBER = 7
'''


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of somebody's own, on the path."""
    (tmp_path / "shop_tools.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "broken_tools.py").write_text("import no_such_thing\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("shop")
def test_tool_and_list_of_tools_are_found() -> None:
    """By their names in the module."""
    assert [tool.id for tool in load_tools(["shop_tools:opening_hours"])] == ["opening_hours"]
    assert [tool.id for tool in load_tools(["shop_tools:HOURS"])] == ["opening_hours"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:x", "found 'no_such_module:x': ModuleNotFoundError: No module named 'no_such_module'"),
        ("broken_tools:x", "found 'broken_tools:x': ModuleNotFoundError: No module named 'no_such_thing'"),
        ("shop_tools:closing", "found 'shop_tools:closing': the module has no closing"),
        (
            "shop_tools:NUMBER",
            "found 'shop_tools:NUMBER': int, expected functions with @function_tool of livekit.agents",
        ),
        ("shop_tools:BOTH", "found two tools named 'look', each name may be there once"),
    ],
)
def test_what_is_no_tool_is_told_in_plain_words(name: str, said: str) -> None:
    """The name, and what is wrong with it; our own tools' names are taken."""
    with pytest.raises(ToolsError) as caught:
        load_tools([name])
    assert str(caught.value) == said


def test_worker_does_not_start_with_a_tool_that_cannot_be_had(shop: Path) -> None:
    """A configuration error, before anything is contacted."""
    env = {**os.environ, **REQUIRED, "AGENT__TOOLS": "broken_tools:x", "PYTHONPATH": str(shop)}
    ended = subprocess.run(
        [sys.executable, "-m", "agent", "start"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 78
    assert "AGENT__TOOLS: found 'broken_tools:x'" in ended.stderr
