"""Training: loop, batches, losses, the networks that supervise, stage 1 (backbone) and stage 2 (run)."""
