"""EAD-Net (arXiv 2604.23325): corpora, captions, model, training and synthesis."""
