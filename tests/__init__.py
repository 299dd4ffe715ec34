"""A package of its own, so that a folder of this name in an installed distribution never stands in for it."""
