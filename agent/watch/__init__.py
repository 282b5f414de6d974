"""Looking by itself, and speaking when there is something to say."""
