"""How good captions are: whether answers follow the rules, and whether they agree with labels and with what was drawn.

Run as ``python -m metrics score-captions``. The values are explained in ``metrics.specs.captions``.
"""
