"""The Disclosure Gateway: it decides, seals and records what public-protection bodies tell each other about people."""
