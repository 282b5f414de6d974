"""Sight: which track, which frame, how it is encoded, and which request carries it."""
