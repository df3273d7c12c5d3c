"""How a person, an expression and a mouth become pixels."""
