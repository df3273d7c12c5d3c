"""One run by one family: pairs of generated and true clips, sets of clips, cached features, stamped rows."""
