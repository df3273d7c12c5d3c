"""Generated videos are measured once, for all families: crops, landmarks, and what extractors take from frames."""
