"""Directing the stand-ins, and asking what they saw: script, faults and record."""
