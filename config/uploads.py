"""Settings of pictures that participants send: every `UPLOADS__*` variable."""

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings

from config.group import group

UploadSenders = Literal["caller", "room"]


class UploadSettings(BaseSettings):
    """Pictures sent on the byte stream `images`."""

    model_config = group("UPLOADS")

    from_: UploadSenders = Field(default="caller", validation_alias="UPLOADS__FROM")
    """Who may upload: the `caller` of the agent, or everyone in the `room`."""
    max_bytes: int = Field(default=10_000_000, ge=1_000, le=100_000_000)
    """Bytes of one upload at most."""
    max_pixels: int = Field(default=50_000_000, ge=10_000, le=400_000_000)
    """Pixels of one upload at most (width x height), read from its header before it is decoded."""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds an upload may take."""
    stall_s: float = Field(default=5.0, gt=0, le=600)
    """Seconds an upload may go without a byte."""
    max_at_once: int = Field(default=8, ge=1, le=100)
    """Uploads of one participant under way at once."""
    max_per_minute: int = Field(default=60, ge=1, le=10_000)
    """Uploads of one participant a minute."""
    max_per_call: int = Field(default=500, ge=1, le=100_000)
    """Uploads of one call, of all participants together."""
    max_held_bytes: int = Field(default=50_000_000, ge=1_000, le=1_000_000_000)
    """Bytes of all uploads under way together; at least `UPLOADS__MAX_BYTES`."""
    decode_timeout_s: float = Field(default=10.0, gt=0, le=120)
    """Seconds a picture may take to be decoded."""
    decode_memory_mb: int = Field(default=1000, ge=50, le=16_000)
    """Megabytes of memory a picture may take to be decoded (on Linux)."""
    max_width: int = Field(default=2048, ge=64, le=8192)
    """Pixels; a wider upload is made smaller, in proportion."""
    max_height: int = Field(default=2048, ge=64, le=8192)
    """Pixels; a higher upload is made smaller, in proportion."""
    quality: int = Field(default=75, ge=1, le=100)
    """JPEG quality of an upload as the model is sent it; `VISION__MAX_BYTES` limits its bytes."""
    max_images: int = Field(default=3, ge=1, le=20)
    """Uploads a request carries at most, the newest; older ones become a short text line."""

    @field_validator("max_held_bytes")
    @classmethod
    def _room_for_one(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("max_bytes", 0):
            raise PydanticCustomError("below", "should not be less than UPLOADS__MAX_BYTES")
        return value
