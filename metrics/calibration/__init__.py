"""How every metric responds to known damage: damages, the videos made of them, measurements and verdicts."""
