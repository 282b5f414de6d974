"""Runs Sighted without a key: offline providers, a scripted caller and a demo page."""
