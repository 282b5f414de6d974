"""Facts of the installed livekit-agents that our code rests on. When one fails, read the code that names it."""

import inspect
import json

import pytest
from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, metrics
from livekit.agents.ipc.job_proc_executor import ProcJobExecutor
from livekit.agents.ipc.job_proc_lazy_main import _JobProc
from livekit.agents.ipc.proc_pool import ProcPool
from livekit.agents.ipc.supervised_proc import SupervisedProc
from livekit.agents.job import AutoSubscribe, _apply_auto_subscribe_opts
from livekit.agents.llm import ChatContext, ChatMessage, FunctionCall, FunctionCallOutput, ImageContent
from livekit.agents.llm.chat_context import MetricsReport
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.agent_activity import AgentActivity, _SpeechHandleContextVar, _transcripts_equivalent
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.room_io import TextInputOptions
from livekit.rtc._ffi_client import FfiClient
from livekit.rtc._proto.ffi_pb2 import FfiRequest

from agent.uploads.message import upload_message
from agent.vision.memory import Memory
from tests.fakes import FakeSight, data_url, picture, view


class Publication:
    """What the framework asks of a published track when it subscribes."""

    def __init__(self, kind: rtc.TrackKind.ValueType):
        self.kind = kind
        self.asked: list[bool] = []

    def set_subscribed(self, subscribed: bool) -> None:  # noqa: FBT001 - LiveKit's signature
        """Note what was asked."""
        self.asked.append(subscribed)


async def test_server_tells_a_lost_connection_by_a_private_flag() -> None:
    """`Registration.ready` reads `_connecting`, which nothing public stands for."""
    server = AgentServer(ws_url="ws://127.0.0.1:1", api_key="key", api_secret="secret")  # noqa: S106 - no server there
    assert server._connecting is False
    assert server.draining is False
    source = inspect.getsource(AgentServer._connection_task)
    assert source.index("self._connecting = True") < source.index("self._connecting = False")


def test_pool_tells_of_every_process_that_ended() -> None:
    """`LossWatch` and `StartWatch` listen to the private pool, which is there once `worker_started` is told."""
    run = inspect.getsource(AgentServer.run)
    assert run.index("self._proc_pool = ipc.proc_pool.ProcPool(") < run.index('self.emit("worker_started")')
    watched = inspect.getsource(ProcPool._monitor_process_task)
    assert watched.index("await proc.join()") < watched.index('self.emit("process_closed", proc)')
    assert {"exitcode", "killed", "pid", "running_job"} <= set(dir(ProcJobExecutor))


def test_pool_drops_a_process_that_never_got_ready_before_it_tells() -> None:
    """By that `StartWatch` tells it from one that ended: there the pool still has it."""
    spawn = inspect.getsource(ProcPool._proc_spawn_task)
    assert spawn.index("self._executors.remove(proc)") < spawn.index('self.emit("process_closed", proc)')
    watched = inspect.getsource(ProcPool._monitor_process_task)
    assert watched.index('self.emit("process_closed", proc)') < watched.index("self._executors.remove(proc)")
    run = inspect.getsource(AgentServer.run)
    assert run.index("await self._proc_pool.start()") < run.index('self.emit("worker_started")')
    assert "self._idle_ready.wait()" in inspect.getsource(ProcPool.start)


def test_framework_ends_a_job_process_by_two_signals() -> None:
    """`why_lost` takes both for the memory limit: one that hangs is ended by us long before the framework would."""
    source = inspect.getsource(SupervisedProc._send_kill_signal)
    assert source.index("signal.SIGUSR1)") < source.index("self._proc.kill()") < source.index("self._kill_sent = True")
    assert "ping_timeout=60," in inspect.getsource(ProcPool._proc_spawn_task)


def test_session_is_closed_before_shutdown_callbacks_run() -> None:
    """A goodbye has to be said before `JobContext.shutdown`: in a callback there is no session left to say it."""
    source = inspect.getsource(_JobProc._shutdown_job)
    assert source.index("session.aclose()") < source.index("_shutdown_callbacks")
    assert "callback(shutdown_info.reason)" in source


def test_adoption_compares_words_and_not_pictures() -> None:
    """A committed turn that got the view of its speculation is still the same turn."""
    plain = ChatMessage(role="user", content=["What is this?"])
    seeing = ChatMessage(role="user", content=["What is this?", ImageContent(image=data_url("cat"))])
    assert plain.raw_text_content == seeing.raw_text_content == "What is this?"
    assert _transcripts_equivalent("What is this?", seeing.raw_text_content)
    assert not _transcripts_equivalent("What is that?", seeing.raw_text_content)


def test_adoption_copies_content_onto_the_message_of_the_speculation() -> None:
    """`Memory.adopt` writes to the committed message, whose id is lost; history keeps the speculation's."""
    source = inspect.getsource(AgentActivity._user_turn_completed_impl)
    assert "preemptive.user_message.content = user_message.content.copy()" in source
    assert source.index("on_user_turn_completed(") < source.index("preemptive.user_message.content = ")
    assert source.index("_transcripts_equivalent(") < source.index("preemptive.user_message.content = ")


def test_copy_of_a_context_shares_its_messages() -> None:
    """A view that expires in the copy that `llm_node` gets expires in history, too."""
    history = ChatContext.empty()
    message = history.add_message(role="user", content="One")
    assert history.copy().items[0] is message
    assert Agent(instructions="", chat_ctx=history).chat_ctx.items[-1] is message


def test_same_messages_are_equivalent_after_a_view_expired() -> None:
    """A speculative request that expires the last turn's view does not thereby invalidate itself."""
    history = ChatContext.empty()
    history.add_message(role="user", content=["One", ImageContent(image=data_url("cat"))])
    at_speculation, at_commit = history.copy(), history.copy()
    at_speculation.messages()[0].content = ["One", "[no longer shown]"]
    assert at_speculation.is_equivalent(at_commit)


def test_items_are_inserted_by_their_time() -> None:
    """An upload stands where it came, and a follow-up's items after their turn."""
    context = ChatContext.empty()
    context.insert(ChatMessage(role="user", content=["Two"], created_at=2))
    context.insert(ChatMessage(role="user", content=["One"], created_at=1))
    assert [message.content for message in context.messages()] == [["One"], ["Two"]]


@pytest.mark.parametrize("detail", ["auto", "low", "high"])
async def test_view_goes_out_to_openai_with_its_detail(detail: str) -> None:
    """The data URL as we made it, before the words, and no request of ours carries our own bookkeeping."""
    memory = Memory(FakeSight(), detail=detail)  # type: ignore[arg-type]
    upload = upload_message(picture("cat"), "stream-1", caption="my cat", at=1, detail=memory.detail)
    request = await memory.request(ChatContext([upload, ChatMessage(role="user", content=["How old is she?"])]), "a")
    messages, _ = request.to_provider_format("openai")
    assert messages == [
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": data_url("cat"), "detail": detail}},
                {"type": "text", "text": "[Picture uploaded by the user] my cat"},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": data_url("camera 1"), "detail": detail}},
                {"type": "text", "text": "How old is she?"},
            ],
        },
    ]
    assert "stream-1" not in json.dumps(messages)


async def test_message_that_lost_its_picture_goes_out_as_plain_text() -> None:
    """Some servers insist on a string where there is no picture."""
    memory = Memory(FakeSight())
    history = ChatContext([ChatMessage(role="user", content=["One"])])
    await memory.request(history, "a")
    history.items.append(ChatMessage(role="assistant", content=["I see."]))
    history.items.append(ChatMessage(role="user", content=["Two"]))
    messages, _ = (await memory.request(history, "b")).to_provider_format("openai")
    assert messages[0]["content"] == "One\n[view of the user's camera at 22:13:21 UTC, no longer shown]"


async def test_tool_follow_up_with_its_view_keeps_the_order_that_providers_want() -> None:
    """User, call, output: a message in between would be refused."""
    memory = Memory(FakeSight())
    history = ChatContext([ChatMessage(role="user", content=["One"])])
    await memory.request(history, "a")
    history.items.append(FunctionCall(call_id="a", name="look_up", arguments="{}"))
    history.items.append(FunctionCallOutput(call_id="a", name="look_up", output="done", is_error=False))
    messages, _ = (await memory.request(history, "a")).to_provider_format("openai")
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]


async def test_what_tools_brought_to_light_comes_after_their_output() -> None:
    """Between a call and its output it would be refused."""
    memory = Memory(FakeSight())
    history = ChatContext([ChatMessage(role="user", content=["One"])])
    await memory.request(history, "a")
    memory.also_show("a", view("closer").shots)
    history.items.append(FunctionCall(call_id="a", name="look", arguments="{}"))
    history.items.append(FunctionCallOutput(call_id="a", name="look", output="Seen", is_error=False))
    messages, _ = (await memory.request(history, "a")).to_provider_format("openai")
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user"]


def test_sdk_core_can_pause_a_track() -> None:
    """`deliver` makes this request by itself: nothing public does."""
    request = FfiRequest()
    request.enable_remote_track_publication.track_publication_handle = 7
    request.enable_remote_track_publication.enabled = False
    assert request.WhichOneof("message") == "enable_remote_track_publication"
    assert callable(FfiClient.request)
    assert "self._ffi_handle = " in inspect.getsource(rtc.TrackPublication.__init__)


@pytest.mark.parametrize(("kind", "expected"), [(rtc.TrackKind.KIND_AUDIO, [True]), (rtc.TrackKind.KIND_VIDEO, [])])
async def test_audio_only_leaves_video_to_the_feed(kind: rtc.TrackKind.ValueType, expected: list[bool]) -> None:
    """A track that is published later is subscribed if it is audio, and not touched if it is video."""
    room = rtc.Room()
    _apply_auto_subscribe_opts(room, AutoSubscribe.AUDIO_ONLY)
    publication = Publication(kind)
    room.emit("track_published", publication, None)
    assert publication.asked == expected


async def test_byte_stream_topic_can_be_registered_once() -> None:
    """`UploadIntake` registers once per room and unregisters when it closes."""
    room = rtc.Room()
    room.register_byte_stream_handler("images", lambda *_: None)
    with pytest.raises(ValueError, match="images"):
        room.register_byte_stream_handler("images", lambda *_: None)
    room.unregister_byte_stream_handler("images")
    room.register_byte_stream_handler("images", lambda *_: None)


def test_metrics_have_the_names_that_turns_are_logged_by() -> None:
    """A renamed one would silently read as a stage that the turn did not have."""
    assert set(MetricsReport.__annotations__) >= {
        "end_of_turn_delay",
        "llm_node_ttft",
        "tts_node_ttfb",
        "e2e_latency",
        "started_speaking_at",
    }
    assert set(metrics.LLMModelUsage.model_fields) >= {"input_tokens", "input_cached_tokens", "output_tokens"}


def test_generated_replies_do_not_pass_the_hook() -> None:
    """They reach `llm_node` alone, which is why the view is attached there."""
    assert "on_user_turn_completed" not in inspect.getsource(AgentActivity._generate_reply)
    assert "node=self._agent.llm_node" in inspect.getsource(AgentActivity._pipeline_reply_task_impl)


async def test_request_knows_its_reply_by_a_private_variable() -> None:
    """`agent.assistant` reads it in `llm_node`: the framework sets it for each task of a speech."""
    speech = SpeechHandle.create()
    assert isinstance(speech.id, str)
    assert speech.id != SpeechHandle.create().id
    token = _SpeechHandleContextVar.set(speech)
    assert _SpeechHandleContextVar.get().id == speech.id
    _SpeechHandleContextVar.reset(token)
    assert _SpeechHandleContextVar.get(None) is None
    source = inspect.getsource(AgentActivity._create_speech_task)
    assert source.index("_SpeechHandleContextVar.set(speech_handle)") < source.index("asyncio.create_task(")


def test_tool_follow_up_goes_on_under_its_replys_handle() -> None:
    """`Memory` knows the view of a reply's first request by it, and a turn's speculation by its own."""
    source = inspect.getsource(AgentActivity._pipeline_reply_task_impl)
    follow_up = source[source.index("tool_response_task = self._create_speech_task(") :]
    assert follow_up.count("speech_handle=speech_handle,") == 2
    assert "SpeechHandle.create" not in source
    assert "speech_handle = preemptive.speech_handle" in inspect.getsource(AgentActivity._user_turn_completed_impl)


def test_chat_is_answered_by_the_callback_that_we_wrap() -> None:
    """`take_chat` hands on what is not blank."""
    assert callable(TextInputOptions().text_input_cb)
    assert [*inspect.signature(TextInputOptions().text_input_cb).parameters] == ["sess", "ev"]


async def test_session_gives_up_after_a_few_failures_unless_it_is_told_not_to() -> None:
    """`build_session` sets a limit that no call reaches."""
    assert SessionConnectOptions().max_unrecoverable_errors == 3
    assert "<= self.conn_options.max_unrecoverable_errors" in inspect.getsource(AgentSession._on_error)
