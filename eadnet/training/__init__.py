"""What training draws from: which clips are kept, and which frames show the speaker."""
