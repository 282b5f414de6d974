"""Traces, by the standard variables of OpenTelemetry; those not named here its SDK reads by itself."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Protocol = Literal["http/protobuf", "grpc"]


class TelemetrySettings(BaseSettings):
    """Traces (OpenTelemetry). None are made unless an endpoint or `OTEL_TRACES_EXPORTER=otlp` asks for them."""

    model_config = SettingsConfigDict(
        env_prefix="OTEL_",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
    )

    exporter_otlp_endpoint: str = Field(default="", pattern=r"^$|^https?://\S+$|^[^/\s]+:\d+$")
    """Address of a collector, such as `http://collector:4318`; over HTTP, `/v1/traces` is added."""
    exporter_otlp_traces_endpoint: str = Field(default="", pattern=r"^$|^https?://\S+$|^[^/\s]+:\d+$")
    """The same for traces alone; the full address, to which nothing is added."""
    exporter_otlp_protocol: Protocol = "http/protobuf"
    """What the collector is spoken to in."""
    exporter_otlp_traces_protocol: Protocol | None = None
    """The same for traces alone."""
    traces_exporter: Literal["otlp", "none"] | None = None
    """`otlp` exports traces without an endpoint too (to this machine), `none` never."""
    sdk_disabled: bool = False
    """Makes no traces, whatever else is set."""
    service_name: str = "sighted"
    """The service's name in traces. `OTEL_RESOURCE_ATTRIBUTES` may name it too."""

    @property
    def wanted(self) -> bool:
        """Whether traces are asked for."""
        if self.sdk_disabled or self.traces_exporter == "none":
            return False
        return bool(self.traces_exporter or self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint)

    @property
    def protocol(self) -> Protocol:
        """What the collector of traces is spoken to in."""
        return self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol
