"""Telling people that there is something to read, without saying what, about whom or from whom."""
