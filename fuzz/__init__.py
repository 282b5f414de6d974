"""Coverage-guided fuzzing of everything that reads bytes of people we do not know: `make fuzz`.

Each module but the helpers (`__main__`, `mutate`, `seeds`) is one target; `python -m fuzz.picture FILE` tries one file
again. What is instrumented, and so leads the search, is Python code. The decoders in C are reached, and watched for
crashes, memory and time, but how far an input came in them is not seen.
"""
