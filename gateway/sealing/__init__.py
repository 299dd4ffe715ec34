"""Sealing: recipients' keys, parcels that only their recipient can open, and the cleaning of what goes in."""
