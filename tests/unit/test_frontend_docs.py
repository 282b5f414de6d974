"""`docs/frontend.md`: its examples are what the page runs."""

import re
import textwrap
from pathlib import Path

import pytest

from sandbox.page.files import WEB

TEXT = (Path(__file__).parents[2] / "docs" / "frontend.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- (\w+\.js): (\w+) -->\n```js\n(.*?)```", TEXT, flags=re.DOTALL)


def excerpt(module: str, name: str) -> str:
    """What stands between the markers of a module."""
    source = (WEB / module).read_text(encoding="utf-8")
    found = re.findall(rf"^ *// docs:begin {name}\n(.*?)^ *// docs:end {name}$", source, flags=re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"{module} has {len(found)} excerpts {name}"
    return textwrap.dedent(found[0])


@pytest.mark.parametrize(("module", "name", "example"), EXAMPLES, ids=[f"{each[0]}-{each[1]}" for each in EXAMPLES])
def test_example_is_an_excerpt_of_the_page(module: str, name: str, example: str) -> None:
    """The browser tests run it."""
    assert example == excerpt(module, name)


def test_every_example_is_an_excerpt_and_every_excerpt_an_example() -> None:
    """No block is left to age, and no marker to puzzle."""
    marked = {
        (file.name, name)
        for file in WEB.glob("*.js")
        for name in re.findall(r"// docs:begin (\w+)", file.read_text(encoding="utf-8"))
    }
    assert {each[:2] for each in EXAMPLES} == marked
    assert len(EXAMPLES) == TEXT.count("```js\n")
