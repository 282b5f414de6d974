"""When spans are exported, and what a collector that is away, slow or silent costs."""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from structlog.testing import capture_logs

from agent.ops.traces import _FLUSH_S, Export, NoTraces, _exporter, start_traces
from config.problems import ConfigError
from config.settings import load_settings
from config.telemetry import TelemetrySettings

NOWHERE = "http://127.0.0.1:1"
"""Nobody listens there."""


@pytest.fixture(autouse=True)
def _loggers_put_back() -> Iterator[None]:
    """The exporters are silenced for good otherwise."""
    before = logging.getLogger("opentelemetry").level
    yield
    logging.getLogger("opentelemetry").setLevel(before)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that could start, and nothing of OpenTelemetry."""
    for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LIVEKIT_URL", "ws://localhost:7880")


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_traces_are_made_when_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, wanted: bool
) -> None:
    """By the standard variables; a name alone asks for nothing."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().telemetry.wanted is wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
    ],
)
def test_what_can_not_be_exported_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Rather than to make no traces in silence."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}: found '{value}'"):
        load_settings()


def test_protocol_of_traces_goes_before_that_of_all() -> None:
    """As the standard has it; without either it is HTTP."""
    assert TelemetrySettings().protocol == "http/protobuf"
    assert TelemetrySettings(exporter_otlp_protocol="grpc").protocol == "grpc"
    both = TelemetrySettings(exporter_otlp_protocol="grpc", exporter_otlp_traces_protocol="http/protobuf")
    assert both.protocol == "http/protobuf"
    assert isinstance(_exporter(TelemetrySettings()), HttpExporter)
    grpc = _exporter(TelemetrySettings(exporter_otlp_protocol="grpc", exporter_otlp_endpoint=NOWHERE))
    assert isinstance(grpc, GrpcExporter)
    grpc.shutdown()


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "sighted"),
        ({"OTEL_SERVICE_NAME": "frontdesk"}, "frontdesk"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=backdesk,deployment.environment=test"}, "backdesk"),
    ],
)
async def test_service_is_named_by_the_environment_or_by_us(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], name: str
) -> None:
    """The SDK's own default would be `unknown_service`."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    export = Export(load_settings().telemetry, HttpExporter(endpoint=NOWHERE))
    span = export.tracer.start_span("call")
    assert span.resource.attributes["service.name"] == name  # type: ignore[attr-defined]
    await export.aclose()


async def test_spans_arrive_by_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a real collector, by the end of the job at the latest."""
    arrived: list[str] = []

    class Service(TraceServiceServicer):
        def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:  # noqa: ARG002, N802 - the protocol's
            arrived.extend(span.name for one in request.resource_spans for sc in one.scope_spans for span in sc.spans)
            return ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    try:
        traces = start_traces(load_settings().telemetry)
        traces.tracer.start_span("call").end()
        await traces.aclose()
    finally:
        server.stop(None).wait()
    assert arrived == ["call"]


async def test_no_trace_costs_nothing() -> None:
    """Its spans record nothing."""
    traces = start_traces(TelemetrySettings())
    assert isinstance(traces, NoTraces)
    assert not traces.tracer.start_span("call").is_recording()
    await traces.aclose()


async def test_collector_that_is_away_is_told_once_and_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    """A line of ours, none of the libraries', and the end of the job waits no longer than it says."""
    with capture_logs() as said:
        export = Export(TelemetrySettings(), HttpExporter(endpoint=f"{NOWHERE}/v1/traces"))
        began = time.monotonic()
        for _ in range(3000):  # more than a batch, and than the queue
            export.tracer.start_span("turn").end()
        assert time.monotonic() - began < 2.0
        began = time.monotonic()
        await export.aclose()
        assert time.monotonic() - began < _FLUSH_S + 2.0
        await asyncio.sleep(0.2)
    assert [line["event"] for line in said] == ["traces_not_exported"]
    assert caplog.records == []


async def test_collector_that_never_answers_holds_a_job_for_a_bounded_time() -> None:
    """It takes the connection, and is silent; meanwhile the event loop goes on."""
    with socket.socket() as silent, capture_logs() as said:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        export = Export(
            TelemetrySettings(), HttpExporter(endpoint="http://127.0.0.1:{1}".format(*silent.getsockname()))
        )
        export.tracer.start_span("call").end()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        await export.aclose()
        took = time.monotonic() - began
        ticking.cancel()
    assert _FLUSH_S <= took < _FLUSH_S + 2.0
    assert ticks > 100
    assert [line["event"] for line in said] == ["traces_not_exported"]
