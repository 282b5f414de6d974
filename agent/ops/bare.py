"""Words of others, fit for a report: without secrets."""

from collections.abc import Iterator
from dataclasses import fields
from urllib.parse import urlsplit

from pydantic import SecretStr

from agent.ops.verdict import without
from config.settings import Settings


def bare(settings: Settings, words: str) -> str:
    """Somebody else's words, without what only we and the service may know."""
    values = list(_values(settings))
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    parts = [urlsplit(value) for value in values if isinstance(value, str) and "://" in value]
    return without([*secrets, *(each or "" for part in parts for each in (part.password, part.query))], words)


def host(url: str) -> str:
    """Where a service is; user, password and query of its address are nobody's business."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _values(settings: Settings) -> Iterator[object]:
    """What is set, of every section that may hold a secret or an address."""
    for section in fields(settings):
        group = getattr(settings, section.name)
        for name in type(group).model_fields:
            value = getattr(group, name)
            if isinstance(value, str) and section.name == "agent":
                continue  # sentences of the operator's own
            yield value
