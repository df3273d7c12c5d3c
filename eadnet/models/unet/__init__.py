"""EAD-Net's U-Net: LatentSync's, with strip attention, frame graph and text added to the audio tokens."""
