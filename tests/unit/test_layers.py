"""The layers of the project, read from its imports."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

TOUCH_LIVEKIT = {
    "agent.worker": "registers and drains",
    "agent.admission": "answers the server's offers of jobs",
    "agent.job": "is the process of a job",
    "agent.call": "is a job's room and session",
    "agent.caller": "links the session to a participant",
    "agent.farewell": "speaks and ends the job",
    "agent.twin": "asks other agents in the room",
    "agent.assistant": "is the session's agent",
    "agent.toolbox": "takes the operator's function tools and MCP servers",
    "agent.speaker": "stands between the model, the voice and the session",
    "agent.spare": "has a voice speak",
    "agent.listening": "stands between the listener and the session",
    "agent.watch.judge": "asks the language model",
    "agent.watch.watcher": "asks the session who speaks",
    "agent.words": "has the session say a sentence",
    "agent.conversation": "names what a call has of its kind of model",
    "agent.piped": "is the conversation of three models",
    "agent.realtime.conversation": "is the conversation with one model",
    "agent.realtime.gallery": "puts uploads into such a conversation",
    "agent.floor": "listens to the session",
    "agent.realtime.gemini_line": "sends to Gemini's session",
    "agent.realtime.gemini_model": "builds Gemini's client from its plugin",
    "agent.realtime.gemini_session": "is the plugin's session of Gemini",
    "agent.realtime.line": "names what is sent to a model's session: the framework's messages, which are plain data",
    "agent.realtime.model": "builds the session and its model",
    "agent.realtime.openai_line": "sends to OpenAI's session",
    "agent.realtime.openai_model": "builds OpenAI's client from its plugin",
    "agent.realtime.showing": "listens to the session",
    "agent.chat": "takes the room's typed turns",
    "agent.pipeline": "builds the session",
    "agent.providers": "builds the providers' clients from the plugins",
    "agent.turns": "listens to the session",
    "agent.trace": "reads the framework's messages, which are plain data",
    "agent.turn_taking": "gives the session's options, and its turn detector",
    "agent.push_to_talk": "takes the caller's remote calls",
    "agent.hearing": "opens and closes the session's ear",
    "agent.onlooker": "ties sight to the room and the session",
    "agent.sharing": "sends to the room what the model was shown",
    "agent.rehearsal": "goes the way of a request through the framework",
    "agent.vision.feed": "follows the room's video tracks",
    "agent.vision.reader": "reads the frames of a track",
    "agent.vision.delivery": "pauses the delivery of a track",
    "agent.vision.tools": "are function tools of the framework",
    "agent.vision.history": "works on the framework's chat items, which are plain data",
    "agent.vision.memory": "works on the framework's chat context, which is plain data",
    "agent.vision.pictures": "works on the framework's messages, which are plain data",
    "agent.gallery": "puts uploads into the session",
    "agent.uploads.intake": "reads the room's byte streams",
    "agent.uploads.status": "sends text streams to the room",
    "agent.uploads.message": "makes the framework's messages, which are plain data",
    "agent.ops.health": "asks whether the worker is registered",
    "agent.ops.losses": "follows the framework's pool of processes",
    "agent.ops.starts": "the same",
    "agent.ops.server": "asks the server something small",
    "agent.ops.realtime_check": "asks a speech-to-speech model, by the framework's client",
    "agent.ops.provider_checks": "asks the providers, by the framework's clients",
}
"""The only modules of `agent` that may import LiveKit, and why. Everything else is tested without it."""


@functools.cache
def modules(package: str) -> dict[str, ast.Module]:
    """The syntax tree of each module of a package, by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_bytes())
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imported(tree: ast.Module) -> Iterator[str]:
    """The dotted name of every import, wherever it stands; relative ones are told with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def importing(package: str, *others: str) -> set[str]:
    """The modules of a package that import any of the others, or anything below them."""
    return {
        name
        for name, tree in modules(package).items()
        if any(found == other or found.startswith(f"{other}.") for found in imported(tree) for other in others)
    }


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("config", ("agent", "sandbox", "livekit", "tests")),
        ("agent", ("sandbox", "bench", "tests")),
        ("sandbox", ("agent", "config", "tests")),
    ],
)
def test_package_imports_only_what_lies_below_it(package: str, others: tuple[str, ...]) -> None:
    """Settings know nothing of the product, and the product and its sandbox nothing of each other."""
    assert len(modules(package)) > 3
    assert importing(package, *others) == set()


def test_no_import_is_relative() -> None:
    """Full names are what the other tests here read."""
    for package in ("config", "agent", "sandbox"):
        assert [name for tree in modules(package).values() for name in imported(tree) if name.startswith(".")] == []


def test_livekit_is_imported_only_where_it_must_be() -> None:
    """The core decides without a room."""
    assert importing("agent", "livekit") == set(TOUCH_LIVEKIT)


def reads_environment(tree: ast.Module) -> bool:
    """Whether the module asks for the process environment, by whatever name.

    Setting a variable for the framework is no reading: `os.environ.setdefault(...)` whose result nobody takes.
    """
    names = {"environ", "environb", "getenv", "getenvb"}
    written = {
        node.value.func.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in {"setdefault", "pop"}
    }
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names and node not in written)
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("os.environ['A']", True),
        ("os.getenv('A')", True),
        ("from os import environ", True),
        ("value = os.environ.setdefault('A', '0')", True),
        ("os.environ.setdefault('A', '0')", False),
        ("value = os.environ.pop('A')", True),
        ("os.environ.pop('A', None)", False),
        ("environment = 'A'", False),
    ],
)
def test_reading_the_environment_is_recognised(source: str, *, reads: bool) -> None:
    """The rule below is only as good as this."""
    assert reads_environment(ast.parse(source)) is reads


def test_only_the_settings_read_the_environment() -> None:
    """What can be set is what is documented."""
    readers = {
        name for package in ("config", "agent") for name, tree in modules(package).items() if reads_environment(tree)
    }
    assert readers == {"config.settings", "config.secrets"}


def test_decoding_waits_for_the_job_process() -> None:
    """The parent never runs a call: it starts without what only a call needs."""
    trees = modules("agent")
    heavy = {"cv2", "numpy", "PIL", "agent.vision", "agent.uploads", "agent.pipeline"}
    parent = [
        "agent.worker",
        "agent.admission",
        "agent.intercom",
        "agent.ops.losses",
        "agent.ops.share",
        "agent.ops.starts",
        "agent.dispatch",
        "agent.errors",
        "agent.exits",
        "agent.ops.health",
        "agent.ops.meters",
        "agent.ops.metrics",
        "agent.ops.reports",
        "agent.ops.log",
        "agent.ops.privacy",
        "agent.ops.server",
        "agent.cli",
        "agent.__main__",
    ]
    for name in parent:
        assert not {found for found in imported(trees[name]) if any(found.startswith(each) for each in heavy)}


def test_pictures_are_read_in_the_decoders_process_alone() -> None:
    """Nothing that holds a key or a call ever loads what reads a stranger's bytes."""
    assert importing("agent", "PIL", "pi_heif") == {"agent.uploads.image"}
    assert importing("agent", "agent.uploads.image") == {"agent.uploads.decoder_main"}
    assert importing("agent", "agent.uploads.decoder_main") == set()
