"""Which providers the demo's worker is pointed to."""

import socket

from sandbox.stack import Address, free_port, worker_env

ADDRESS = Address("ws://127.0.0.1:7880", "key", "secret")
SANDBOX = "http://127.0.0.1:7990"


def test_without_keys_every_provider_is_a_stand_in() -> None:
    """Nothing leaves the machine."""
    env = worker_env(ADDRESS, SANDBOX)
    assert env["DEEPGRAM_BASE_URL"] == f"{SANDBOX}/v1/listen"
    assert env["OPENAI_BASE_URL"] == f"{SANDBOX}/v1"
    assert env["CARTESIA_BASE_URL"] == SANDBOX
    assert env["LIVEKIT_URL"] == ADDRESS.url


def test_own_key_takes_the_place_of_its_stand_in_alone() -> None:
    """The provider with a key is asked at its own address; the others stay stand-ins."""
    env = worker_env(ADDRESS, SANDBOX, {"CARTESIA_API_KEY": "mine"})
    assert env["CARTESIA_API_KEY"] == "mine"
    assert "CARTESIA_BASE_URL" not in env
    assert env["OPENAI_BASE_URL"] == f"{SANDBOX}/v1"


def test_own_model_server_needs_no_key() -> None:
    """`OPENAI_BASE_URL` alone names a compatible local model."""
    env = worker_env(ADDRESS, SANDBOX, {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"})
    assert env["OPENAI_BASE_URL"] == "http://127.0.0.1:11434/v1"
    assert "OPENAI_API_KEY" not in env


def test_empty_key_counts_as_none() -> None:
    """A `.env` made from the template has empty lines for what nobody set."""
    assert worker_env(ADDRESS, SANDBOX, {"DEEPGRAM_API_KEY": ""}) == worker_env(ADDRESS, SANDBOX)


def test_taken_port_is_passed_over() -> None:
    """A server that runs already is left alone."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
