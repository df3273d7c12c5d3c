"""Captions by rule: an observation of a clip, and the sentences of a small grammar that say it."""
