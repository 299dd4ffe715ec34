"""The question that AuthZEN clients ask in Meadowshire: may this post have that about Robin, from police?"""

from __future__ import annotations

from typing import Any

from gateway.cli.demo_stage import Stage
from gateway.store.unit_of_work import Unit


def question(
    stage: Stage, post: str = "probation-om", category: str = "convictions", **claims: Any
) -> dict[str, Any]:
    """One evaluation; `claims` are what the caller says of itself."""

    def ids(unit: Unit) -> tuple[str, str, str, str]:
        return (
            stage.post_id(unit, post),
            stage.subject_id(unit, "s-robin"),
            stage.case_id(unit, "M2-0417"),
            stage.agency_id(unit, "police"),
        )

    post_id, subject_id, case_id, holder = stage.do(ids)
    basis = {
        "powers": ["cja2003_s325"],
        "dp_regime": "part3",
        "dp_condition": "s35_sch8_para4_safeguarding",
        "confidence_basis": "law",
    }
    return {
        "subject": {"type": "post", "id": post_id, **({"properties": claims} if claims else {})},
        "action": {"name": "disclose", "properties": {"purpose": "public_protection", "legal_basis": basis}},
        "resource": {"type": "information", "id": f"{subject_id}/{category}"},
        "context": {"case_id": case_id, "holder_agency_id": holder},
    }
