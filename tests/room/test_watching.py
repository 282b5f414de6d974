"""A whole call as an operator sees it: its metrics, its trace and its logs, and what is in none of them."""

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.caller.journal import UploadStatus
from sandbox.caller.scenes import Counter
from tests.fakes import plain
from tests.room.collector import Collector, collecting, fields
from tests.room.conftest import RigWith
from tests.room.rig import Rig

SECRETS = {
    "DEEPGRAM_API_KEY": "dg-0123456789abcdef",
    "OPENAI_API_KEY": "sk-proj-0123456789abcdef",
    "CARTESIA_API_KEY": "sk_car_0123456789abcdef",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20otel-0123456789abcdef",
}
SAID = ("What is the colour of my umbrella?", "My password is heliotrope.", "The stranger wears galoshes.")
CAPTION = "My grandmother in Reykjavik"
GREETING = "Welcome to the harbour."
PERSONA = "You are a lighthouse keeper."


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scrape(rig: Rig) -> Samples:
    """Every sample that the worker's `/metrics` gives."""
    [line] = rig.logged("health_listening")
    address = "http://{}:{}/metrics".format(*line["address"])
    async with aiohttp.ClientSession() as http, http.get(address) as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def until_scraped(rig: Rig, name: str, value: float, **labels: str) -> None:
    """Wait until a metric has a value."""
    async with asyncio.timeout(60):
        while (await scrape(rig)).get((name, frozenset(labels.items()))) != value:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.2)


def check_metrics(samples: Samples, turns: list[dict[str, Any]]) -> None:
    """What the call counted, while it ran or when its process was gone."""

    def value(name: str, **labels: str) -> float:
        return samples[name, frozenset(labels.items())]

    assert value("sighted_calls_started_total") == value("sighted_jobs_accepted_total") == 1
    assert [value("sighted_turns_total", kind=kind) for kind in ("spoken", "typed", "generated")] == [1, 2, 1]
    assert value("sighted_turns_sighted_total", source="camera") == 4
    assert value("sighted_turn_stage_seconds_count", stage="heard") == 1
    assert value("sighted_turn_stage_seconds_sum", stage="heard") == turns[0]["heard_ms"] / 1000
    assert value("sighted_frame_age_seconds_count", source="camera") == 4
    assert value("sighted_frame_bytes_sum", source="camera") == sum(turn["frame_bytes"] for turn in turns)
    assert value("sighted_tokens_total", type="in") == sum(turn["tokens_in"] for turn in turns)
    assert value("sighted_uploads_total", code="accepted") == 1
    assert value("sighted_provider_errors_total", stage="llm", provider="openai/gpt-4.1") == 1
    assert value("sighted_worker_ready") == 1
    assert value("sighted_worker_max_jobs") == 10
    assert any(name == "lk_agents_active_job_count" for name, _ in samples)


def check_trace(collector: Collector, turns: list[dict[str, Any]]) -> None:
    """One trace: the call, its turns with the fields of their log lines, and their stages at their real times."""
    [call] = collector.named("call")
    assert {span.trace_id for span in collector.spans()} == {call.trace_id}
    assert fields(call)["sighted.room"] == turns[0]["room"]
    assert fields(call)["sighted.participant"] == "caller"
    spans = collector.named("turn")
    assert {span.parent_span_id for span in spans} == {call.span_id}
    for span, turn in zip(spans, turns, strict=True):
        for name in ("turn", "kind", "frame_sha256", "llm_ttft_ms", "tokens_in"):
            assert fields(span)[f"sighted.{name}"] == turn[name]
    stages = {span.name: span for span in collector.spans() if span.parent_span_id == spans[0].span_id}
    assert set(stages) == {"heard", "first_token", "first_sound", "spoken"}
    for span in stages.values():
        assert spans[0].start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= spans[0].end_time_unix_nano
    from_speech_to_sound = stages["first_sound"].end_time_unix_nano - stages["heard"].start_time_unix_nano
    assert from_speech_to_sound / 1e6 == pytest.approx(turns[0]["reply_ms"], abs=50)


async def test_call_is_seen_as_a_whole_and_nothing_personal_with_it(rig_with: RigWith) -> None:
    """Turns of each kind, an upload and a provider's fault, at log level debug; then a second call crashes."""
    picture = plain((640, 400), file_format="JPEG")
    async with collecting() as collector:
        settings = {"AGENT__GREETING": GREETING, "LOG__LEVEL": "debug", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        rig = await rig_with({**SECRETS, **settings})
        async with rig.caller() as caller:
            await caller.dispatch(rig.agent_name, json.dumps({"instructionz": PERSONA}))
            await until_scraped(rig, "sighted_jobs_refused_total", 1, reason="invalid")
            await caller.show(Counter())
            await rig.call(caller, json.dumps({"instructions": PERSONA}))
            await caller.reply(after=0.0, timeout_s=60)
            spoken = await rig.ask(caller, SAID[0])
            await rig.sandbox.script(SAID[1], SAID[2], typed=True)
            typed = await caller.reply(after=await caller.type(SAID[1]), timeout_s=60)
            await caller.upload(picture, "private.jpg", caption=CAPTION, reply=True)
            status = await caller.journal.wait_for(UploadStatus, timeout_s=30)
            uploaded = await caller.reply(after=status.at - 0.5, timeout_s=60)
            await rig.sandbox.fault("llm", "error")
            await rig.write(caller, "And once more?")
            turns = await rig.until_logged("turn_completed", 4, room=caller.room.name)
            running = await scrape(rig)
        await until_scraped(rig, "sighted_calls_ended_total", 1, reason="closed")
        over = await scrape(rig)
        async with asyncio.timeout(30):
            while not collector.named("call"):  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.1)
        for samples in (running, over):
            check_metrics(samples, turns)
        assert [samples["sighted_calls_active", frozenset()] for samples in (running, over)] == [1, 0]
        check_trace(collector, turns)

        async with rig.caller() as caller:
            await rig.call(caller)
            (await rig.job(caller)).kill()
            await until_scraped(rig, "sighted_calls_ended_total", 1, reason="crashed")
            await until_scraped(rig, "sighted_calls_active", 0)

    log = rig.worker_log.read_bytes()
    assert b'"level": "debug"' in log
    assert b"status_code=500" in log  # the fault is told, and none of the provider's words
    said = [*SAID, spoken.reply.text, typed.text, uploaded.text, "This error was ordered"]
    said += [CAPTION, GREETING, PERSONA, "umbrella", "heliotrope", "galoshes", "Reykjavik"]
    secret = [*SECRETS.values(), rig.address.api_secret, "otel-0123456789", "eyJhbGciOi"]  # so begins a LiveKit token
    pixels = [base64.b64encode(picture).decode()[100:160], "/9j/", "iVBORw0KGgo", "\\xff\\xd8\\xff", "JFIF"]
    for found in (log, *collector.bodies):
        assert [what for what in (*said, *secret, *pixels) if what.encode() in found] == []
        assert b"\xff\xd8\xff" not in found
