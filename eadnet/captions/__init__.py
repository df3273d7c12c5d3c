"""Captions: what a face and voice show, as text that can guide generation."""
