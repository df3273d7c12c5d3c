"""Corpora: drawing the synthetic ones, and reading HDTF, MEAD and folders of videos."""
