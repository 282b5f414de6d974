"""The dashboard, the alerts and the table of metrics name what exists: each metric, with labels it has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.metrics import MetricWrapperBase

from agent.ops.meters import ENDINGS, METRICS

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/sighted.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
TABLE = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")

FROM_OUTSIDE = {"instance", "job", "le"}
"""Labels that Prometheus itself adds."""
FRAMEWORK = {"lk_agents_worker_load", "lk_agents_active_job_count", "lk_agents_proc_initialize_duration_seconds"}
"""LiveKit's own metrics that the worker gives too."""


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """Every PromQL expression in `deploy/`."""
    for rule in rules():
        yield rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["query"].removeprefix("label_values(").split(",")[0]


def problems(expression: str) -> list[str]:
    """What the expression names that does not exist."""
    found = []
    used: set[str] = set()
    for name, selector in re.findall(r"\b((?:sighted|lk)_\w+)(?:\{([^}]*)\})?", expression):
        metric = metric_of(name)
        if metric is None:
            if name not in FRAMEWORK:
                found.append(name)
            continue
        used |= set(metric._labelnames)
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        found += [f"{name}{{{label}}}" for label in labels - set(metric._labelnames) - FROM_OUTSIDE]
    for grouping in re.findall(r"\bby\s*\(([^)]*)\)", expression):
        labels = {label.strip() for label in grouping.split(",")}
        found += [f"by ({label})" for label in labels - used - FROM_OUTSIDE]
    return found


def metric_of(name: str) -> MetricWrapperBase | None:
    """The metric of a series."""
    series = re.sub(r"_(bucket|sum|count)$", "", name)
    histogram = METRICS.get(series)
    if series != name and histogram is not None and histogram._type == "histogram":
        return histogram
    return None if (metric := METRICS.get(name)) is None or metric._type == "histogram" else metric


def row(name: str, metric: MetricWrapperBase) -> str:
    """The metric's line of the table."""
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |"


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ('sum by (reason) (increase(sighted_calls_ended_total{reason="failed",instance="a"}[5m]))', []),
        ("sighted_calls_ended", ["sighted_calls_ended"]),
        ("sighted_turn_stage_seconds", ["sighted_turn_stage_seconds"]),
        ('sighted_turn_stage_seconds_bucket{le="0.2",kind="spoken"}', ["sighted_turn_stage_seconds_bucket{kind}"]),
        ("sum by (room) (sighted_calls_active)", ["by (room)"]),
        ("sighted_calls_active_sum", ["sighted_calls_active_sum"]),
    ],
)
def test_what_does_not_exist_is_recognised(expression: str, wrong: list[str]) -> None:
    """The tests below are only as good as this."""
    assert problems(expression) == wrong


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_expression_names_what_exists(expression: str) -> None:
    """Every metric is defined, with the labels used."""
    assert problems(expression) == []
    assert expression.count("(") == expression.count(")")


def test_labels_of_alerts_have_values_that_occur() -> None:
    """An alert on a reason that no longer exists would never ring."""
    said = "\n".join(rule["expr"] for rule in rules())
    reasons = set("|".join(re.findall(r'calls_ended_total\{reason=~?"([^"]+)"', said)).split("|"))
    assert reasons <= {*ENDINGS.values(), "crashed"}
    blind = set("|".join(re.findall(r'turns_blind_total\{reason=~?"([^"]+)"', said)).split("|"))
    assert blind <= {
        sample.labels["reason"] for sample in next(iter(METRICS["sighted_turns_blind_total"].collect())).samples
    }
    limits = re.findall(r'(sighted_\w+)_bucket\{[^}]*le="([^"]+)"', said)
    assert limits
    for name, limit in limits:
        assert float(limit) in METRICS[name]._kwargs["buckets"]


def test_alerts_say_how_bad_it_is_and_what_to_do() -> None:
    """Names are unique, and each has words for people."""
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_table_of_metrics_is_that_of_the_code() -> None:
    """Each metric once, in the code's order and words; the reasons of an end as well."""
    rows = [line for line in TABLE.splitlines() if line.startswith("| `sighted_")]
    assert rows == [row(name, metric) for name, metric in METRICS.items()]
    for ending in {*ENDINGS.values(), "other", "crashed"}:
        assert f"`{ending}`" in TABLE
