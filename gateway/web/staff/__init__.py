"""Agency staff: ask or offer, answer at the holder's desk, authorise, open, pass on."""

from __future__ import annotations

from importlib import import_module

from gateway.web.staff.blueprint import blueprint

NAVIGATION = (
    ("Home", "staff.home"),
    ("Ask or offer", "staff.start"),
    ("My requests", "staff.my_requests"),
    ("My agency's desk", "staff.inbox"),
    ("To authorise", "staff.to_authorise"),
    ("Sent to me", "staff.my_parcels"),
    ("Tasks", "staff.my_tasks"),
    ("Wishes and consent", "consents.people"),
    ("My keys", "staff.my_keys"),
)

_VIEWS = (
    "home",
    "ask",
    "requests",
    "desk",
    "authorisations",
    "parcels",
    "covering",
    "resealing",
    "keys",
    "approaches",
    "cover",
    "known",
)
for _name in _VIEWS:
    import_module(f"{__name__}.{_name}")

__all__ = ["NAVIGATION", "blueprint"]
