"""Washing: each kind of file is rebuilt from what may stay; it runs in a process of its own (see `child`)."""
