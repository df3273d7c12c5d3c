"""From a trained network to a talking video: what a call of the pipeline is given, prepares and returns."""
