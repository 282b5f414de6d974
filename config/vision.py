"""The settings `VISION__*`: what the agent sees, and how a view is sent to the model."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from config.group import group

VisionSource = Literal["auto", "camera", "screen", "both", "off"]
Resize = Literal["scale_aspect_fit", "scale_aspect_cover", "center_aspect_fit", "center_aspect_cover", "skew", "none"]
PictureFormat = Literal["jpeg", "png", "webp"]
Detail = Literal["auto", "low", "high"]


class VisionSettings(BaseSettings):
    """What the agent sees and how a view is sent to the model."""

    model_config = group("VISION")

    source: VisionSource = "auto"
    """`auto` (screen share first, else camera), `camera`, `screen`, `both` (a picture of each), or `off`."""
    attention: Literal["always", "adaptive"] = "adaptive"
    """`adaptive`: the video is delivered only while a turn may need it, and costs nothing in between; or `always`."""
    refresh_s: float = Field(default=60.0, ge=2, le=3600)
    """Seconds after which `adaptive` attention takes one fresh frame in a long silence."""
    sharpest: bool = False
    """Takes the sharpest of the last few frames (0.3 s at most), not the newest, which motion may have blurred."""
    skip_unchanged: bool = False
    """Sends no new picture while the last one that the model has still shows the scene, but one line that says so."""
    max_frame_age_s: float = Field(default=2.0, gt=0, le=60)
    """Seconds after which a frame no longer counts as what the caller shows now."""
    look_timeout_ms: int = Field(default=400, ge=0, le=5000)
    """Milliseconds a turn may wait for a fresh frame, only when a live source has none young enough. With `adaptive`
    attention a pause takes up to 250 to end: with less than that, what is typed in a silence may find no picture."""
    max_images: int = Field(default=1, ge=1, le=20)
    """Turns whose view a request carries, the newest; older views become a short text line. `both` is one view."""
    max_width: int = Field(default=1024, ge=64, le=8192)
    """Pixels; a wider view is made smaller, in proportion. Nothing is ever enlarged."""
    max_height: int = Field(default=1024, ge=64, le=8192)
    """Pixels; a higher view is made smaller, in proportion."""
    screen_max_width: int = Field(default=2560, ge=64, le=8192)
    """As `VISION__MAX_WIDTH`, for a screen share: 12-pixel text stays readable up to 2560, and nine words in ten of a
    4K screen that is reduced to it; `VISION__LOOK_TOOL` reads the rest in full resolution."""
    screen_max_height: int = Field(default=2560, ge=64, le=8192)
    """As `VISION__MAX_HEIGHT`, for a screen share, so that one in portrait keeps as much."""
    resize: Resize = "scale_aspect_fit"
    """How a view is brought to the size above, by the framework's names, or `none`; a target that would enlarge is
    reduced."""
    format: PictureFormat = "jpeg"
    """File format of a view; `webp` is a third smaller than `jpeg` and over ten times as slow; `png` loses nothing."""
    quality: int = Field(default=75, ge=1, le=100)
    """JPEG or WebP quality of a view."""
    screen_quality: int = Field(default=75, ge=1, le=100)
    """As `VISION__QUALITY`, for a screen share: below 60 some 12-pixel text is lost, below 75 if it is also reduced."""
    max_bytes: int = Field(default=1_000_000, ge=10_000, le=20_000_000)
    """Bytes of one view's file at most: its quality steps down to 30, then its size, until it fits. A full screen as
    `png` has several million."""
    detail: Detail = "auto"
    """How closely the model looks, as OpenAI names it."""
    look_tool: bool = False
    """Gives the model the tool `look`: a fresh look, or one part of the picture in full resolution."""
    max_looks: int = Field(default=2, ge=2, le=10)
    """Pictures taken by tools that a request carries at most, the newest."""
    recall_tool: bool = False
    """Gives the model the tool `recall`: the picture of an earlier turn."""
    recall_max_images: int = Field(default=8, ge=1, le=100)
    """Earlier pictures kept for `recall`, the newest."""
    recall_max_bytes: int = Field(default=4_000_000, ge=100_000, le=100_000_000)
    """Bytes of the picture files kept for `recall`, at most; what requests carry of them (base64) comes on top."""
    share_snapshots: bool = False
    """Sends the caller what the model was shown (`vision.snapshot`) and how each turn went (`turn.completed`)."""
