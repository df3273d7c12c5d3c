"""Training: the loop, what it is fed and judged by, the networks that supervise, stage 1 (backbone) and stage 2 (run)."""
