"""Our own extensions of EAD-Net, under names of their own: none of them is the paper's (docs/method.md)."""
