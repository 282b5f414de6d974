"""What a dispatch may ask of one call: the job's metadata."""

from dataclasses import replace
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.errors import DispatchError
from config.reference import MAX_REFERENCES, parse_reference
from config.settings import Settings
from config.vision import Detail, VisionSource

Group = TypeVar("Group", bound=BaseModel)


def _reference(text: str) -> str:
    """Whoever dispatches a job must not read the worker's files."""
    parse_reference(text, files=False)
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DispatchVision(_Strict):
    """Replaces settings of the group `VISION` for one call."""

    source: VisionSource | None = None
    detail: Detail | None = None


class Dispatch(_Strict):
    """The metadata of a dispatched job; every field is optional."""

    instructions: str | None = None
    greeting: str | None = None
    language: str | None = Field(default=None, min_length=1)
    voice: str | None = None
    participant_identity: str | None = Field(default=None, min_length=1)
    images: tuple[Annotated[str, AfterValidator(_reference)], ...] = Field(default=(), max_length=MAX_REFERENCES)
    vision: DispatchVision = DispatchVision()

    def apply(self, settings: Settings) -> Settings:
        """The settings of this call."""
        return replace(
            settings,
            agent=_with(settings.agent, greeting=self.greeting, images=self.images or None),
            stt=_with(settings.stt, language=self.language),
            tts=_with(settings.tts, language=_spoken_language(self.language), voice=self.voice),
            realtime=_with(settings.realtime, language=_spoken_language(self.language), voice=self.voice),
            vision=_with(settings.vision, source=self.vision.source, detail=self.vision.detail),
        )


def parse_dispatch(metadata: str) -> Dispatch:
    """Read a job's metadata; none at all is an empty dispatch.

    Raises:
        DispatchError: Naming each bad field, what was found and what is allowed.
    """
    if not metadata.strip():
        return Dispatch()
    try:
        return Dispatch.model_validate_json(metadata)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'metadata'}: "
            + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors()
        ]
        allowed = ", ".join(Dispatch.model_fields)
        raise DispatchError("; ".join(problems) + f" (allowed fields: {allowed})") from error


def _spoken_language(heard: str | None) -> str | None:
    """Cartesia names languages without their region, and has no name for several at once."""
    return None if heard in {None, "multi"} else heard.split("-")[0]


def _with(group: Group, **changes: object) -> Group:
    return group.model_copy(update={name: value for name, value in changes.items() if value is not None})
