"""The model: a stand-in for OpenAI that really looks at the pictures it is sent."""
