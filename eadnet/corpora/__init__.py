"""Corpora: drawing the synthetic ones, and reading HDTF, MEAD, RAVDESS and folders of videos."""
