"""The face for agencies' own systems: JSON, problems, sender-constrained tokens."""

from gateway.api.tokens import admit
from gateway.api.v1 import blueprint

__all__ = ["admit", "blueprint"]
