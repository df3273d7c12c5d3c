"""What papers report of other methods: facts with their source and protocol, never mixed with our numbers."""
