"""Networks that are known by their published weights, shared by the method that they supervise and the protocol."""
