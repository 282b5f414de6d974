"""Configuration: reads the environment, and nothing else in the project does."""
