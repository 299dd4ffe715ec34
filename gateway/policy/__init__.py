"""Rules, the engine that decides by them, and their life: knowledge that knows of no request."""
