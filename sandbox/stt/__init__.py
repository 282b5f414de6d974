"""Speech to text: stand-ins for Deepgram and OpenAI that really hear."""
