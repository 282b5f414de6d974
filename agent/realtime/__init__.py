"""A call on a speech-to-speech model that is sent pictures as live video."""
