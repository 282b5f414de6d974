"""Sighted's worker: a LiveKit voice agent that sees."""
