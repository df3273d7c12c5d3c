"""The report's page: one HTML file that holds its figures, tables and videos and needs no network."""
