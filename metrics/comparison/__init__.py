"""Runs compared with each other over the clips that both have."""
