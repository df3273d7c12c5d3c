"""The declared metrics: one module a family, each with its `FAMILY` and its `SPECS`. Texts and numbers only."""
