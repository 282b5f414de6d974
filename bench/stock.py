"""`python -m bench.stock start`: a worker with the documented recipe, and the framework's defaults for the rest.

It differs from a copy of the documentation only where the comparison needs it: the providers' addresses, turn taking
by the VAD alone as in ours, no limit by load, and one line that tells which process serves a room. It imports nothing
of `agent` or `config`.
"""

import json
import os
import sys

from livekit.agents import AgentServer, AgentSession, JobContext, JobProcess, TurnHandlingOptions, cli
from livekit.plugins import cartesia, deepgram, openai, silero

from bench import stalls
from bench.recipe import Assistant

if os.environ.get(stalls.SWITCH):
    stalls.install()  # here, since job processes import this module too

server = AgentServer(
    host="127.0.0.1",
    port=0,
    # The machine also runs server, stand-ins and caller: its load says nothing of the worker.
    load_threshold=0.99,
    load_fnc=lambda: 0.0,
    num_idle_processes=1,
    initialize_process_timeout=60,
)


def prewarm(process: JobProcess) -> None:
    """Load the VAD before a call comes."""
    process.userdata["vad"] = silero.VAD.load()


server.setup_fnc = prewarm


@server.rtc_session(agent_name=os.environ.get("LIVEKIT_AGENT_NAME", ""))
async def entrypoint(ctx: JobContext) -> None:
    """One call."""
    turn_handling: TurnHandlingOptions = {
        "turn_detection": "vad",
        "endpointing": {"mode": "fixed", "min_delay": 0.5, "max_delay": 3.0},
        "interruption": {"enabled": True, "mode": "vad"},
    }
    if os.environ.get("STOCK_PREEMPTIVE") == "0":
        turn_handling["preemptive_generation"] = {"enabled": False}
    session: AgentSession[None] = AgentSession(
        stt=deepgram.STT(base_url=os.environ["DEEPGRAM_BASE_URL"]),
        llm=openai.LLM(),
        tts=cartesia.TTS(base_url=os.environ["CARTESIA_BASE_URL"]),
        vad=ctx.proc.userdata["vad"],
        turn_handling=turn_handling,
    )
    if os.environ.get("STOCK_CONNECT_FIRST") == "1":
        await ctx.connect()
    await session.start(agent=Assistant(), room=ctx.room)
    await ctx.connect()
    line = json.dumps({"event": "call_started", "room": ctx.room.name, "pid": os.getpid()})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    cli.run_app(server)
