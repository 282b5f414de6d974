"""The request to nobody before the first call."""

from structlog.testing import capture_logs

from agent.rehearsal import rehearse


def test_rehearsal_goes_all_the_way() -> None:
    """The client is content with the answer, so everything that a first request needs was loaded."""
    with capture_logs() as logs:
        rehearse()
    assert logs == []
