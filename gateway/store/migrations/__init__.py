"""The history of the tables, shipped with the package."""
