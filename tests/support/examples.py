"""How many inputs a property test tries: a share of the profile's number (`tests/conftest.py`)."""

from hypothesis import settings


def one_in(share: int) -> settings:
    """Decorator: one example where the profile has `share`; for slow examples, or parameters that share the number."""
    return settings(max_examples=max(1, round(settings.default.max_examples / share)))
