"""Speech to text: a stand-in for Deepgram that really hears."""
