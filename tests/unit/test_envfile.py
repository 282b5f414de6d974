"""`.env.example` and the README's table are made from the settings."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.envfile import BEGIN, END, main, render_env, render_table, with_table
from config.settings import load_settings, variables
from tests.fakes import REQUIRED

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """The environment, empty, and put back after the test."""
    before = dict(os.environ)
    os.environ.clear()
    yield os.environ  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(before)


def test_env_example_is_what_the_settings_say() -> None:
    """Run `make env-example` after a change of the settings."""
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == render_env()


def test_readme_table_is_what_the_settings_say() -> None:
    """Run `make env-example` after a change of the settings."""
    page = ROOT / "README.md"
    if not page.exists() or BEGIN not in page.read_text(encoding="utf-8").splitlines():
        pytest.skip("no README with a table of settings yet")
    assert with_table(page.read_text(encoding="utf-8")) == page.read_text(encoding="utf-8")


def test_every_line_is_a_comment_or_an_assignment() -> None:
    """Nothing in the file is read as anything else by a shell or by Compose."""
    names = {name for name, _, _ in variables()}
    for line in render_env().splitlines():
        if line and not line.startswith("# "):
            assert line.removeprefix("#").partition("=")[0] in names


def test_every_variable_stands_in_the_file_once() -> None:
    """Required ones open, the others commented out."""
    lines = [line for line in render_env().splitlines() if line and not line.startswith("# ")]
    assert [line.removeprefix("#").partition("=")[0] for line in lines] == [name for name, _, _ in variables()]
    openly = [line.rstrip("=") for line in lines if not line.startswith("#")]
    assert openly == [name for name in REQUIRED if name != "OPENAI_API_KEY"]


def test_commented_values_are_the_defaults(environment: dict[str, str]) -> None:
    """Taking away every `#` changes nothing."""
    environment.update(REQUIRED)
    by_default = load_settings()
    for line in render_env().splitlines():
        if line.startswith("#") and not line.startswith("# "):
            name, _, value = line[1:].partition("=")
            if name not in REQUIRED:
                environment[name] = value
    assert len(environment) > 30
    assert load_settings() == by_default


def test_table_has_a_row_for_every_variable() -> None:
    """Three columns each, whatever a description contains."""
    rows = render_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [name for name, _, _ in variables()]
    assert {row.count("|") for row in rows} == {4}


def test_table_tells_defaults_bounds_and_choices() -> None:
    """What a reader needs to set a value without trying."""
    table = render_table()
    assert "| `VISION__QUALITY` | `75` | JPEG or WebP quality of a view. (>= 1, <= 100) |" in table
    assert "One of `debug`, `info`, `warning`, `error`. |" in table
    assert "| `LIVEKIT_API_SECRET` | required |" in table
    assert "| `LLM__TEMPERATURE` | unset |" in table
    assert "| `TURN__PREEMPTIVE` | `true` |" in table


def test_table_replaces_what_stands_between_the_markers() -> None:
    """And nothing else; doing it twice changes nothing."""
    page = f"# Title\n\n{BEGIN}\nold table\n{END}\n\nThe end.\n"
    renewed = with_table(page)
    assert renewed == f"# Title\n\n{BEGIN}\n{render_table()}{END}\n\nThe end.\n"
    assert with_table(renewed) == renewed


@pytest.mark.parametrize(
    "page",
    [
        "no markers",
        f"{BEGIN}\n",
        f"{END}\n",
        f"{END}\n{BEGIN}\n",
        f"{BEGIN}\n{BEGIN}\n{END}\n",
        f"text {BEGIN} text\n{END}\n",
    ],
)
def test_page_without_its_markers_is_an_error(page: str, tmp_path: Path) -> None:
    """The command fails and leaves the page as it was."""
    with pytest.raises(ValueError, match="settings:begin"):
        with_table(page)
    readme = tmp_path / "README.md"
    readme.write_text(page)
    problem = main(["--readme", str(readme)])
    assert problem is not None
    assert "expected the lines" in problem
    assert readme.read_text() == page


def test_command_renews_the_table_of_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m config.envfile --readme README.md` writes the file and prints nothing."""
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n")
    assert main(["--readme", str(readme)]) is None
    assert readme.read_text() == f"{BEGIN}\n{render_table()}{END}\n"
    assert capsys.readouterr().out == ""


def test_page_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Told by its name."""
    problem = main(["--readme", str(tmp_path / "missing.md")])
    assert problem is not None
    assert "missing.md" in problem


def test_command_prints_the_file_or_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without options it is the file, which `make env-example` redirects."""
    main([])
    assert capsys.readouterr().out == render_env()
    main(["--table"])
    assert capsys.readouterr().out == render_table()
