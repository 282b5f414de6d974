"""Live conversations with a model that hears, sees and speaks."""
