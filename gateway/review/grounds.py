"""On which grounds an entry is held back or erased, in words."""

from __future__ import annotations

from gateway.review.models import ErasureGround, HoldGround

TO_HOLD = {
    HoldGround.TIPPING_OFF: "It would warn somebody who is under investigation",
    HoldGround.RISK_TO_SOMEBODY: "It would put somebody at risk",
    HoldGround.COURT_ORDER: "A court has ordered it",
}
TO_ERASE = {
    ErasureGround.COURT_ORDER: "A court has ordered it",
    ErasureGround.WRONG_PERSON: "It was recorded by mistake about the wrong person",
    ErasureGround.NO_LAWFUL_GROUND: "There was never a lawful ground to keep it",
}
