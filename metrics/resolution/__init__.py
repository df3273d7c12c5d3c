"""How far a value over few drawn clips moves, and what a table of such values can show."""
