"""Networks that only judge, with the parameter names of their published weights."""
