"""Measurements of whole calls on this machine, judged by what reached the model and what the caller heard."""
