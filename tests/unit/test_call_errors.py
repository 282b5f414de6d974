"""By what name a provider's error is counted."""

import pytest

from agent.call import _provider


@pytest.mark.parametrize(
    ("label", "provider"),
    [
        ("livekit.plugins.openai.llm.LLM", "openai"),
        ("livekit.plugins.deepgram.stt_v2.STTv2", "deepgram"),
        ("livekit.agents.llm.fallback_adapter.FallbackAdapter", "FallbackAdapter"),
        ("agent.somewhere.Client", "Client"),
    ],
)
def test_provider_is_named_by_its_plugin(label: str, provider: str) -> None:
    """Short, and one of a few; what is no plugin is named by its class."""
    assert _provider(label) == provider
