"""The face for agencies' own systems: JSON, problems, sender-constrained tokens."""
