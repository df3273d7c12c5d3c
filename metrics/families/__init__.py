"""How each family of metrics is computed: one module a family, and what several of them share."""
