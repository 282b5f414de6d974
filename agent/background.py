"""The pictures that a call begins with: checked as uploads are, before anybody hears the agent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.errors import BackgroundError, FetchError, UploadError
from agent.uploads.decoder import Decoder
from agent.uploads.fetch import fetch
from agent.vision.encoded import EncodedImage
from config.reference import DataUrl, Reference, Remote, parse_reference
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Background:
    """What could be had of them.

    Attributes:
        pictures: In their order; of one that is passed through, its address.
        problems: What is wrong with each of the others, in a sentence that begins with its number.
    """

    pictures: tuple[EncodedImage | str, ...] = ()
    problems: tuple[str, ...] = ()


async def load_background(settings: Settings, *, local: bool = False) -> Background:
    """Read, fetch and clean the pictures of `AGENT__IMAGES`, or of the dispatch; `local` leaves out what is remote."""
    references = [parse_reference(one, files=True) for one in settings.agent.images]
    wanted = [(number, one) for number, one in enumerate(references) if not (local and isinstance(one, Remote))]
    if not wanted:
        return Background()
    decoder = Decoder.of(settings.uploads, settings.vision)
    try:
        results = await asyncio.gather(*(_loaded(number, one, settings, decoder) for number, one in wanted))
    finally:
        await decoder.aclose()
    return Background(
        tuple(one for one in results if not isinstance(one, BackgroundError)),
        tuple(str(one) for one in results if isinstance(one, BackgroundError)),
    )


async def _loaded(
    number: int, reference: Reference, settings: Settings, decoder: Decoder
) -> EncodedImage | str | BackgroundError:
    if isinstance(reference, Remote) and settings.agent.pass_image_urls:
        return reference.url
    try:
        return (await decoder.clean(await _pieces(reference, settings))).image
    except OSError as error:
        return BackgroundError(f"images[{number}]: {error.filename}: {error.strerror}")
    except (UploadError, FetchError) as error:
        return BackgroundError(f"images[{number}]: {error}")


async def _pieces(reference: Reference, settings: Settings) -> Sequence[bytes]:
    limit = settings.uploads.max_bytes
    if isinstance(reference, Remote):
        return await fetch(reference.url, max_bytes=limit, timeout_s=settings.agent.fetch_timeout_s)
    data = reference.data if isinstance(reference, DataUrl) else await asyncio.to_thread(_read, reference.path, limit)
    if len(data) > limit:
        raise UploadError("too_large", f"The picture has over {limit:,} bytes, which is the limit.")
    return [data]


def _read(path: Path, limit: int) -> bytes:
    """The file, or of a larger one enough to know that."""
    with path.open("rb") as file:
        return file.read(limit + 1)
