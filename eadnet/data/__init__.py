"""Preprocessed clips on disk, as tables, tensors and choices of test clips."""
