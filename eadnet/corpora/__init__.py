"""Corpora: readers of HDTF, MEAD, RAVDESS and folders of videos, their shards and splits."""
