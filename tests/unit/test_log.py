"""One renderer for all log lines."""

import json
import logging
import pickle
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
import structlog
from google.genai.errors import APIError
from livekit.agents import APIConnectionError, APIStatusError
from livekit.agents.ipc.log_queue import LogQueueHandler
from livekit.agents.utils.aio.duplex_unix import _Duplex

from agent.ops.log import configure_job, configure_parent
from config.groups import LogSettings


@pytest.fixture(autouse=True)
def _logging_put_back() -> Iterator[None]:
    """Logging is the process's own: each test leaves it as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    filters = list(logging.getLogger("livekit").filters)
    named = {
        name: logging.getLogger(name).level for name in ("livekit", "livekit.agents", "openai", "asyncio", "httpx")
    }
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("livekit").filters[:] = filters
    for name, before in named.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class Log:
    """What is written to standard error."""

    def __init__(self, captured: pytest.CaptureFixture[str]):
        self._captured = captured
        self._text = ""

    def getvalue(self) -> str:
        """All of it since the test began."""
        self._text += self._captured.readouterr().err
        return self._text


@pytest.fixture
def stream(capsys: pytest.CaptureFixture[str]) -> Log:
    """This test's standard error, which is no terminal."""
    return Log(capsys)


def fail() -> None:
    """An error to be reported."""
    raise LookupError("nothing there")


def parent(*, level: Literal["debug", "info"] = "info", form: Literal["json", "console"] = "json") -> Any:
    """Configure this process as the parent; returns a logger of ours."""
    configure_parent(LogSettings(level=level, format=form))
    return structlog.stdlib.get_logger("agent.test")


def lines(stream: Log) -> list[dict[str, Any]]:
    """The log's lines; a key that stands twice in one fails."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), f"a key stands twice: {pairs}"
        return dict(pairs)

    return [json.loads(line, object_pairs_hook=once) for line in stream.getvalue().splitlines()]


def from_a_job(logger: str, *, failed: bool = False, **fields: Any) -> logging.LogRecord:
    """A record as it comes out of the framework's own pipe from a job process."""
    configure_job(LogSettings(level="debug"))
    near, far = (_Duplex.open(end) for end in socket.socketpair())
    pipe = LogQueueHandler(near)
    logging.getLogger(logger).addHandler(pipe)
    log = structlog.stdlib.get_logger(logger)
    try:
        if failed:
            try:
                fail()
            except LookupError:
                log.exception("look_failed", **fields)
        else:
            log.info("turn_completed", **fields)
        record: logging.LogRecord = pickle.loads(far.recv_bytes())  # noqa: S301 - sent three lines above
    finally:
        logging.getLogger(logger).removeHandler(pipe)
        pipe.close()
        pipe.thread.join()
        far.close()
        structlog.reset_defaults()
    return record


def test_own_event_is_one_json_object_a_line(stream: Log) -> None:
    """With its name, level, logger, time and fields."""
    parent().info("vision_status", status="camera", age_ms=12)
    [line] = lines(stream)
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {
        "event": "vision_status",
        "level": "info",
        "logger": "agent.test",
        "status": "camera",
        "age_ms": 12,
    }


def test_foreign_record_with_extras_is_rendered_alike(stream: Log) -> None:
    """LiveKit's own records carry their fields as extras."""
    parent()
    logging.getLogger("livekit.agents").warning("worker %s is full", "W1", extra={"load": 0.9})
    [line] = lines(stream)
    line.pop("timestamp")
    assert line == {"event": "worker W1 is full", "level": "warning", "logger": "livekit.agents", "load": 0.9}


def test_bound_fields_are_on_every_line(stream: Log) -> None:
    """What was bound once is not repeated by hand."""
    log = parent()
    structlog.contextvars.bind_contextvars(job_id="AJ_1")
    log.info("one")
    log.info("two")
    assert [line["job_id"] for line in lines(stream)] == ["AJ_1", "AJ_1"]


def test_record_from_a_job_process_is_rendered_like_our_own(stream: Log) -> None:
    """Its fields, its logger and its own moment survive the pipe."""
    record = from_a_job("agent.turns", turn=3, frame_sha256="ab", blind_reason=None)
    record.created = 1_700_000_000.25
    parent()
    logging.getLogger(record.name).handle(record)
    [line] = lines(stream)
    assert line == {
        "event": "turn_completed",
        "level": "info",
        "logger": "agent.turns",
        "timestamp": "2023-11-14T22:13:20.250Z",
        "turn": 3,
        "frame_sha256": "ab",
        "blind_reason": None,
    }


def test_traceback_from_a_job_process_is_a_field_of_its_own(stream: Log) -> None:
    """The pipe glues it to the message; the event stays a name."""
    record = from_a_job("agent.vision.sight", failed=True, source="camera")
    parent()
    logging.getLogger(record.name).handle(record)
    [line] = lines(stream)
    assert line["event"] == "look_failed"
    assert line["level"] == "error"
    assert line["source"] == "camera"
    assert line["exception"].startswith("Traceback (most recent call last):")
    assert line["exception"].endswith("LookupError: nothing there")
    assert "exc_info" not in line


def test_context_of_the_job_is_on_its_lines(stream: Log) -> None:
    """The framework adds a job's fields to the record as it arrives."""
    record = from_a_job("agent.turns", turn=1)
    record.job_id, record.room = "AJ_1", "room-1"
    parent()
    logging.getLogger(record.name).handle(record)
    [line] = lines(stream)
    assert (line["job_id"], line["room"]) == ("AJ_1", "room-1")


def test_traceback_of_this_process_is_a_field_of_its_own(stream: Log) -> None:
    """Of our own events as well as of foreign records."""
    log = parent()
    try:
        fail()
    except LookupError:
        log.exception("failed")
        logging.getLogger("livekit.agents").exception("it failed")
    own, foreign = lines(stream)
    assert (own["event"], foreign["event"]) == ("failed", "it failed")
    for line in (own, foreign):
        assert line["exception"].endswith("LookupError: nothing there")
        assert "exc_info" not in line


def test_personal_data_is_dropped(stream: Log) -> None:
    """Framework warnings carry transcripts in fields named `lk.pii.*`, here and in job processes."""
    fields: dict[str, Any] = {"lk.pii.user_input": "my secret", "speech_id": "S1"}
    record = from_a_job("livekit.agents", **fields)
    parent()
    logging.getLogger("livekit.agents").warning("skipped", extra=fields)
    logging.getLogger(record.name).handle(record)
    assert "my secret" not in stream.getvalue()
    assert [line["speech_id"] for line in lines(stream)] == ["S1", "S1"]


def test_personal_data_is_dropped_on_a_console_too(stream: Log) -> None:
    """A terminal is somebody's screen."""
    parent(form="console")
    logging.getLogger("livekit.agents").warning("skipped", extra={"lk.pii.user_input": "my secret"})
    assert "skipped" in stream.getvalue()
    assert "my secret" not in stream.getvalue()


def test_level_holds_for_our_events_and_foreign_records(stream: Log) -> None:
    """`info` shows no debug."""
    log = parent(level="info")
    log.debug("hidden")
    logging.getLogger("livekit.agents").debug("hidden")
    log.info("shown")
    assert [line["event"] for line in lines(stream)] == ["shown"]


def test_chatty_libraries_are_quiet_until_they_warn(stream: Log) -> None:
    """Their requests at info tell nobody anything."""
    parent(level="debug")
    logging.getLogger("httpx").info("HTTP Request: POST")
    logging.getLogger("httpx").warning("slow")
    logging.getLogger("livekit.agents").debug("kept")
    assert [line["event"] for line in lines(stream)] == ["slow", "kept"]


def test_value_that_is_no_json_does_not_break_the_line(stream: Log) -> None:
    """A foreign record may carry any object."""
    parent()
    logging.getLogger("livekit.agents").warning("odd", extra={"thing": object(), "blob": b"\xff"})
    [line] = lines(stream)
    assert line["event"] == "odd"


def test_field_named_like_the_message_does_not_hide_the_event(stream: Log) -> None:
    """A foreign record with an extra called `event` keeps its message."""
    parent()
    logging.getLogger("livekit.agents").warning("the message", extra={"event": "their event", "level": "theirs"})
    [line] = lines(stream)
    assert line["event"] == "the message"
    assert line["level"] == "warning"


def test_native_warnings_about_what_we_do_on_purpose_stay_in_the_job(caplog: pytest.LogCaptureFixture) -> None:
    """Keeping only the newest frame is no fault, thirty times a second; anything else from there is heard."""
    configure_job(LogSettings())
    logging.getLogger("livekit").warning("native video stream queue overflow; dropped 1 queued frame")
    logging.getLogger("livekit").warning("signal client closed")
    assert caplog.messages == ["signal client closed"]


def test_no_library_says_more_at_debug(stream: Log) -> None:
    """Some write whole requests there: only ours and the agent framework do."""
    log = parent(level="debug")
    for library in ("openai", "urllib3.connectionpool", "websockets.client", "mcp", "PIL.Image", "livekit.plugins.x"):
        logging.getLogger(library).debug("POST my secret")
    log.debug("ours")
    logging.getLogger("livekit.agents").debug("theirs")
    assert [line["event"] for line in lines(stream)] == ["ours", "theirs"]


def test_providers_words_are_dropped_and_their_status_kept(stream: Log) -> None:
    """A refusal may quote what was said, in a report of the framework or in the traceback of its error."""
    parent()
    words = "my secret\nmy secret"
    error = APIStatusError(words, status_code=400, body={"message": words}, retryable=True)
    framework = logging.getLogger("livekit.agents")
    framework.warning(f"failed to generate LLM completion: {error}, retrying in 0.1s")
    try:
        try:
            raise error
        except APIStatusError as cause:
            raise APIConnectionError(words) from cause
    except APIConnectionError:
        framework.exception("Error in _llm_inference_task")
    said = lines(stream)
    assert "secret" not in stream.getvalue()
    assert said[0]["event"] == "failed to generate LLM completion: status_code=400, retrying in 0.1s"
    assert "APIStatusError: status_code=400\nThe above exception" in said[1]["exception"]
    assert said[1]["exception"].endswith("livekit.agents._exceptions.APIConnectionError")


def test_words_of_gemini_are_not_repeated(stream: Log) -> None:
    """Its plugin reports them in its own way."""
    parent()
    plugin = logging.getLogger("livekit.plugins.google")
    plugin.error("Gemini Realtime API error: 1008 None. my secret\n\nHint: my secret")
    plugin.error("error in receive task: 1011 None. my secret")
    plugin.error("Error in _main_task", exc_info=APIError(1007, {"error": {"message": "my secret"}}))
    said = lines(stream)
    assert "secret" not in stream.getvalue()
    assert said[0]["event"] == "Gemini Realtime API error: 1008"
    assert said[1]["event"] == "error in receive task: 1011"
    assert said[2]["exception"].endswith("google.genai.errors.APIError: 1007")


def test_personal_data_is_kept_if_asked_for(stream: Log) -> None:
    """`LOG__PERSONAL_DATA` is for a machine of one's own."""
    configure_parent(LogSettings(format="json", personal_data=True))
    logging.getLogger("livekit.agents").warning("skipped", extra={"lk.pii.user_input": "my secret"})
    [line] = lines(stream)
    assert line["lk.pii.user_input"] == "my secret"
