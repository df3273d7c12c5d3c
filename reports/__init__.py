"""The tables, figures and page of the benchmark, made from the scores alone.

Run as ``python -m reports table|figure|page|times``. Reads the tables that the other stages write, and the frames of
clips and videos; trains nothing, scores nothing.
"""
