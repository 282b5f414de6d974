"""Export of a job process's spans to an OpenTelemetry collector, in a thread of its own.

What can't be exported is dropped: only the end of a job waits for a collector, and that for a bounded time.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Protocol

import structlog
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracer, Tracer

from config.telemetry import TelemetrySettings

log = structlog.stdlib.get_logger(__name__)

_FLUSH_S = 3.0
_UNNAMED = "unknown_service"
"""How the SDK names a service that nobody named."""


class Traces(Protocol):
    """What a job process does with spans.

    Attributes:
        tracer: Makes them.
    """

    tracer: Tracer

    async def aclose(self) -> None:
        """Send what is not sent yet, for 3 seconds at most."""


def start_traces(settings: TelemetrySettings) -> Traces:
    """Export spans if the settings ask for it. Nothing is contacted before the first span."""
    if not settings.wanted:
        return NoTraces()
    try:
        return Export(settings, _exporter(settings))
    except ValueError as error:  # the standard variables are OpenTelemetry's to read; calls do not depend on them
        log.error("traces_not_started", reason=str(error))  # noqa: TRY400
        return NoTraces()


class NoTraces:
    """Spans that cost next to nothing and go nowhere."""

    tracer: Tracer = NoOpTracer()

    async def aclose(self) -> None:
        """Nothing is left."""


class Export:
    """Spans that go to an exporter, in batches. `OTEL_BSP_*`, the sampler and limits are read by the SDK."""

    def __init__(self, settings: TelemetrySettings, exporter: SpanExporter):
        # Each failed attempt would be a line of the log, or several: `_Reported` says it once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        found = Resource.create()
        if str(found.attributes[SERVICE_NAME]).startswith(_UNNAMED):
            found = found.merge(Resource({SERVICE_NAME: settings.service_name}))
        self._exporter = _Reported(exporter)
        self._processor = BatchSpanProcessor(self._exporter)
        provider = TracerProvider(resource=found, shutdown_on_exit=False)
        provider.add_span_processor(self._processor)
        # Neither made the process's own provider nor handed to the framework: see `docs/adr/0013`, at its end.
        self.tracer: Tracer = provider.get_tracer("sighted")

    async def aclose(self) -> None:
        """Send what is not sent yet, for 3 seconds at most."""
        # The SDK's own limit is 30 seconds. A daemon, so that a collector which never answers keeps no process.
        flush = threading.Thread(target=self._processor.shutdown, daemon=True)
        flush.start()
        deadline = asyncio.get_running_loop().time() + _FLUSH_S
        while flush.is_alive() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - it is a thread
            await asyncio.sleep(0.02)
        if flush.is_alive():
            self._exporter.give_up()


class _Reported(SpanExporter):
    """Tells once that a collector does not take spans, and once more that it does again."""

    def __init__(self, inner: SpanExporter):
        self._inner = inner
        self._lost = 0
        self._sending = 0
        self._closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called in the processor's thread."""
        self._sending = len(spans)
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._lose(len(spans))
        elif self._lost:
            log.info("traces_exported_again", lost=self._lost)
            self._lost = 0
        return result

    def give_up(self) -> None:
        """Time is over: what is under way is lost."""
        self._lose(self._sending)
        self.shutdown()

    def shutdown(self) -> None:
        """Let go of the connection, and try no more."""
        if not self._closed:
            self._closed = True
            self._inner.shutdown()

    def _lose(self, spans: int) -> None:
        if not self._lost:
            log.warning("traces_not_exported", spans=spans)
        self._lost += spans


def _exporter(settings: TelemetrySettings) -> SpanExporter:
    # Imported when asked for alone: gRPC takes a job process 15 MB more.
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter as GrpcExporter,
        )

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    return OTLPSpanExporter()
