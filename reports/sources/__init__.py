"""The sources that an experiment's questions compare: their levels, and one clip as all of them made it."""
