"""What is compared with ours has nothing of ours in it."""

import ast
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize("module", ["stock", "recipe", "stalls"])
def test_stock_stands_alone(module: str) -> None:
    """The documented recipe's worker imports neither the product nor its settings nor its sandbox."""
    tree = ast.parse((BENCH / f"{module}.py").read_bytes())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name.split(".")[0] in {"agent", "config", "sandbox"}}
