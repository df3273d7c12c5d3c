"""Scores over clips and seeds: means with intervals, paired comparisons, the values of the paper's tables."""
