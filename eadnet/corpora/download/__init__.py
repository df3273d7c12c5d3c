"""Downloads of the corpora: one row for every video or archive, whatever happens."""
