"""The drawn corpora: people, speech and movement, rendered in the official layouts of HDTF, MEAD and RAVDESS."""
