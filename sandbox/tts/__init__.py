"""Text to speech: a stand-in for Cartesia that really speaks."""
