"""A scripted caller: a real participant with microphone, camera, screen and keyboard."""
