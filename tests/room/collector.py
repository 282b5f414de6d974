"""A trace collector on loopback: takes OTLP over HTTP and keeps all of it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What was exported.

    Attributes:
        url: What `OTEL_EXPORTER_OTLP_ENDPOINT` takes.
        bodies: Each request as it came, not compressed.
    """

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> Iterator[Span]:
        """Every span so far."""
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans

    def named(self, name: str) -> list[Span]:
        """The spans of one name, oldest first."""
        return sorted((span for span in self.spans() if span.name == name), key=lambda span: span.start_time_unix_nano)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector while the block runs."""

    async def take(request: web.Request) -> web.Response:
        collector.bodies.append(await request.read())
        return web.Response(body=b"", content_type="application/x-protobuf")

    app = web.Application()
    app.add_routes([web.post("/v1/traces", take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector = Collector("http://127.0.0.1:{1}".format(*runner.addresses[0]))
    try:
        yield collector
    finally:
        await runner.cleanup()


def fields(span: Span) -> dict[str, object]:
    """A span's attributes."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes}
