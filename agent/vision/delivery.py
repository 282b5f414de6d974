"""Pausing the delivery of a subscribed track, which comes back far sooner than a subscription that was given up."""

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiRequest


def deliver(publication: rtc.RemoteTrackPublication, *, enabled: bool) -> None:
    """Have the server send the track's frames from now on, or no more; nothing happens before it is subscribed.

    Other LiveKit SDKs call this `setEnabled` of a remote publication; on the wire it is `UpdateTrackSettings.disabled`.
    The core of the Python SDK has it as well, but no method for it, so the request is made here. Held by
    `tests/room/test_pauses.py`; see `docs/adr/0007-adaptive-attention.md`.

    For about 0.1 s after a pause begins, and rarely after it ends, black frames of luma 0 come.
    """
    request = FfiRequest()
    request.enable_remote_track_publication.track_publication_handle = publication._ffi_handle.handle  # noqa: SLF001
    request.enable_remote_track_publication.enabled = enabled
    FfiClient.instance.request(request)
    if enabled and publication.simulcasted and not publication.width:
        # The request also asks for the layer that fits the size which was announced: without one, for the smallest.
        publication.set_video_quality(rtc.VideoQuality.VIDEO_QUALITY_HIGH)
