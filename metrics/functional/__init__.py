"""Pure functions of arrays: pixels, distances of distributions, optical flow, lip sync, statistics."""
