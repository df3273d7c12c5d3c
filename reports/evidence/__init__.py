"""The page that answers the questions of an experiment, and the document that is made of the same facts."""
