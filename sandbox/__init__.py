"""Runs Sighted without a key: offline providers, a scripted caller and a demo."""

import os

# ONNX Runtime, which ears, eyes and voice run on, sends usage data to its maker unless told not to before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
