"""Victims' advocates: read a client's log, see who holds copies, raise concerns, check the log without trusting it."""

from __future__ import annotations

from gateway.web.advocacy import concerns, log, mandates
from gateway.web.advocacy.blueprint import blueprint

NAVIGATION = (
    ("My clients", "advocacy.home"),
    ("Concerns", "advocacy.concern_list"),
    ("Wishes and consent", "consents.people"),
    ("Mandates", "advocacy.new_mandate"),
    ("Check the log yourself", "advocacy.check"),
)

__all__ = ["NAVIGATION", "blueprint", "concerns", "log", "mandates"]
