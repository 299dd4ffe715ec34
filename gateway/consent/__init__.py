"""Views, consents and mandates: what a person said about her information, and what that means now."""
