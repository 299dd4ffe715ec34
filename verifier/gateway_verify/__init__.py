"""Checks a Disclosure Gateway's ledger without trusting the gateway."""
