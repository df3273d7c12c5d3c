"""The stages before EAD-Net's own training: autoencoder, SyncNet, VideoMAE and the frame-wise backbone."""
