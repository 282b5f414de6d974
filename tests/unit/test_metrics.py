"""What is counted for each thing that happens."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from prometheus_client import REGISTRY

from agent.ops import metrics
from agent.ops.meters import ACCEPTED, BLIND_REASONS, METRICS, TURNS_BLIND, UPLOADS, add
from agent.turns import evidence
from agent.vision.memory import Shown
from agent.vision.track import BlindReason
from agent.vision.view import Blind, View
from tests.fakes import view

Sent = list[tuple[str, float, dict[str, str]]]

TIMES = {"heard_ms": 500, "llm_ttft_ms": 300, "tts_ttfb_ms": 100, "reply_ms": 900}
TOKENS = {"tokens_in": 900, "tokens_cached": 512, "tokens_out": 7}


@pytest.fixture
def sent() -> Iterator[Sent]:
    """What would be sent to the parent."""
    samples: Any = []
    metrics.send_to(samples.extend)
    yield samples
    metrics.send_to(add)


def turn(shown: Shown | None, **fields: object) -> dict[str, Any]:
    """A `turn_completed` event."""
    return {"kind": "spoken", **TIMES, **TOKENS, **evidence(shown), **fields}


def test_sighted_turn_is_counted_with_its_picture(sent: Sent) -> None:
    """In base units: seconds and bytes."""
    metrics.turn_completed(turn(Shown(view("a picture"), images=2, question="a")))
    assert sent == [
        ("sighted_turns_total", 1, {"kind": "spoken"}),
        ("sighted_turns_sighted_total", 1, {"source": "camera"}),
        ("sighted_images_total", 2, {}),
        ("sighted_tokens_total", 900, {"type": "in"}),
        ("sighted_tokens_total", 512, {"type": "cached"}),
        ("sighted_tokens_total", 7, {"type": "out"}),
        ("sighted_turn_stage_seconds", 0.5, {"stage": "heard"}),
        ("sighted_turn_stage_seconds", 0.3, {"stage": "first_token"}),
        ("sighted_turn_stage_seconds", 0.1, {"stage": "first_sound"}),
        ("sighted_turn_stage_seconds", 0.9, {"stage": "reply"}),
        ("sighted_frame_age_seconds", 0.012, {"source": "camera"}),
        ("sighted_frame_encode_seconds", 0.0046, {"source": "camera"}),
        ("sighted_frame_bytes", 9, {"source": "camera"}),
    ]


def test_blind_turn_is_counted_with_its_reason_and_no_stage_it_has_not(sent: Sent) -> None:
    """What was not measured is not zero."""
    metrics.turn_completed(turn(Shown(Blind("muted"), images=0, question=None), **dict.fromkeys(TIMES)))
    assert ("sighted_turns_blind_total", 1, {"reason": "muted"}) in sent
    assert {name for name, _, _ in sent} == {
        "sighted_turns_total",
        "sighted_turns_blind_total",
        "sighted_images_total",
        "sighted_tokens_total",
    }


def test_each_of_two_pictures_is_measured(sent: Sent) -> None:
    """The turn is one, of both."""
    both = View((*view("s", "screen").shots, *view("camera").shots))
    metrics.turn_completed(turn(Shown(both, images=2, question="a")))
    assert ("sighted_turns_sighted_total", 1, {"source": "both"}) in sent
    assert [(value, labels["source"]) for name, value, labels in sent if name == "sighted_frame_bytes"] == [
        (1, "screen"),
        (6, "camera"),
    ]


def test_picture_that_was_not_sent_again_is_not_measured_again(sent: Sent) -> None:
    """The turn is sighted all the same."""
    metrics.turn_completed(turn(Shown(view("a"), images=0, question="a"), unchanged=True))
    names = {name for name, _, _ in sent}
    assert "sighted_turns_sighted_total" in names
    assert not any(name.startswith("sighted_frame_") for name in names)


def test_short_stall_is_none(sent: Sent) -> None:
    """The watch wakes a hundred times a second."""
    metrics.stalled(0.049)
    metrics.stalled(0.07)
    assert sent == [("sighted_loop_stall_seconds", 0.07, {})]


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        ("caller_left", "caller_left"),
        ("job crashed", "failed"),
        ("whatever a caller could say", "other"),
        ("", "other"),
    ],
)
def test_reason_of_an_end_is_one_of_a_few(sent: Sent, reason: str, label: str) -> None:
    """Labels never hold free text."""
    metrics.call_ended(reason, 12.0)
    assert sent == [("sighted_calls_ended_total", 1, {"reason": label}), ("sighted_call_duration_seconds", 12.0, {})]


def test_failures_of_providers_are_told_apart(sent: Sent) -> None:
    """By stage and provider."""
    metrics.provider_failed("llm", "openai")
    metrics.fell_back("tts", "openai")
    metrics.turn_failed("typed")
    assert sent == [
        ("sighted_provider_errors_total", 1, {"stage": "llm", "provider": "openai"}),
        ("sighted_provider_fallbacks_total", 1, {"stage": "tts", "provider": "openai"}),
        ("sighted_turns_failed_total", 1, {"kind": "typed"}),
    ]


def test_every_blind_reason_and_upload_code_begins_at_zero() -> None:
    """A series that begins with its first event hides it from every rate."""
    assert set(BLIND_REASONS) == set(get_args(BlindReason))
    assert {sample.labels["reason"] for sample in next(iter(TURNS_BLIND.collect())).samples} >= set(BLIND_REASONS)
    assert ACCEPTED in {sample.labels["code"] for sample in next(iter(UPLOADS.collect())).samples}


def test_all_samples_reach_the_registry() -> None:
    """Counters are added to, histograms observe, and the gauge of calls follows those that begin and end."""
    before = {name: value(name) for name in ("sighted_calls_started_total", "sighted_calls_active")}
    metrics.call_started()
    assert value("sighted_calls_started_total") == before["sighted_calls_started_total"] + 1
    assert value("sighted_calls_active") == before["sighted_calls_active"] + 1
    metrics.call_ended("caller_left", 31.0)
    assert value("sighted_calls_active") == before["sighted_calls_active"]
    assert value("sighted_call_duration_seconds_sum") >= 31.0


def test_names_follow_the_conventions_of_prometheus() -> None:
    """One prefix, base units, and `_total` for what only grows."""
    for name, metric in METRICS.items():
        kind = type(metric).__name__
        assert name.startswith("sighted_")
        assert name.endswith("_total") == (kind == "Counter")
        assert kind != "Histogram" or name.endswith(("_seconds", "_bytes"))
        assert not {"room", "participant", "identity", "name", "job_id"} & set(metric._labelnames)


def value(name: str) -> float:
    """What a scrape would say of a series without labels."""
    return REGISTRY.get_sample_value(name) or 0.0
