"""Text to speech: stand-ins for Cartesia and OpenAI that really speak."""
