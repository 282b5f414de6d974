"""What the agent says of its own accord."""

from dataclasses import astuple, fields

import pytest

from agent.phrases import Phrases, phrases
from config.phrases import PhraseSettings


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt", "nl"])
def test_every_language_has_every_sentence(language: str) -> None:
    """And none of them twice."""
    said = astuple(phrases(PhraseSettings(), language))
    assert all(sentence.strip() for sentence in said)
    assert len(set(said)) == len(fields(Phrases))
    assert language == "en" or not set(said) & set(astuple(phrases(PhraseSettings(), "en")))


def test_region_of_a_language_does_not_matter() -> None:
    """Nor does its case; a language that is not built in is spoken in English."""
    assert phrases(PhraseSettings(), "de-AT") == phrases(PhraseSettings(), "DE")
    assert phrases(PhraseSettings(), "fi") == phrases(PhraseSettings(), "en")


def test_setting_replaces_one_sentence() -> None:
    """The others stay."""
    said = phrases(PhraseSettings(hold="Bear with me."), "en")
    assert said.hold == "Bear with me."
    assert said.sorry == phrases(PhraseSettings(), "en").sorry


def test_asking_for_patience_is_taken_out_of_what_was_said() -> None:
    """However often it was said, and nothing else."""
    said = phrases(PhraseSettings(), "en")
    assert said.without_waiting(f"{said.hold} {said.still} It is red.") == "It is red."
    assert said.without_waiting("It is red.") == "It is red."
    assert said.without_waiting(said.sorry) == said.sorry
