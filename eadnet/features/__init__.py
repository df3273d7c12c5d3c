"""What is computed of every clip once and read by every run: latents, audio features and encoded texts."""
