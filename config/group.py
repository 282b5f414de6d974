"""What every group of settings has in common."""

from pydantic_settings import SettingsConfigDict


def group(prefix: str) -> SettingsConfigDict:
    """How the settings `PREFIX__*` are read."""
    # Each group reads only names with its own prefix, so a foreign variable such as LOG=debug is never parsed.
    return SettingsConfigDict(
        env_prefix=f"{prefix}__",
        env_ignore_empty=True,
        use_attribute_docstrings=True,
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
    )
