"""Our own extensions of EAD-Net. They have their own names; none of them is in the paper (docs/method.md)."""
