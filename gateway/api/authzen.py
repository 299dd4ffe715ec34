"""AuthZEN Authorization API 1.0: “may I?” for other people's clients, answered by the policy in force.

subject = a post; action = `disclose` with purpose and legal basis; resource = a kind of information about a subject;
context = case and holder. Agency, standing, views and sensitivity are never taken from the caller. Obligations come in
the shape of the Obligations profile. A caller that can't meet one must not go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from flask import Blueprint, Response, request

from gateway.api.operations import depth_of
from gateway.decision.facts import LineDecision
from gateway.disclosure import may
from gateway.disclosure.asking import Basis
from gateway.disclosure.may import Question
from gateway.errors import Forbidden, NotFound, Unauthenticated
from gateway.registry import caseload, cases
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import Face
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Outcome, Role, vocabulary
from gateway.web.access import current_actor, current_gateway, machine, public

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH = "/access/v1/search"
METADATA = "/.well-known/authzen-configuration"
_MOST_EVALUATIONS = 50
_MOST_NESTED = 20
_MOST_RESULTS = 100
_LONGEST_PLACE = 6
_PROFILE = {
    "second_approval": "second-approval",
    "no_onward_without_originator": "no-onward-sharing",
    "expiry_and_review": "expire",
    "notify_advocate": "notification",
    "release_only_listed": "redact",
}
_SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
View = Callable[..., Any]
Mark = Callable[[View], View]
Evaluation = Mapping[str, Any]


class Decider(Protocol):
    """What answers: the policy in force, or in tests another one."""

    def decide(self, evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
        """Give `{"decision", "context"}` for each evaluation, in order; never raise on an unknown thing."""

    def search(self, kind: str, evaluation: Evaluation) -> list[dict[str, Any]]:
        """Give the subjects, resources or actions that would be permitted."""


class BadRequest(Exception):
    """What AuthZEN answers with 400."""


def make_blueprint(
    name: str, decider: Decider, *, mark: Mark, anybody: Mark, metadata: bool = True
) -> Blueprint:
    """The endpoints over a decider; `mark` says who may call them, `anybody` who may read the metadata."""
    found = Blueprint(name, __name__)

    def evaluation() -> Response:
        return _answered(lambda: decider.decide([_complete(_body())])[0])

    def evaluations() -> Response:
        return _answered(lambda: _several(decider, _body()))

    def search_for(kind: str) -> Callable[[], Response]:
        def search() -> Response:
            return _answered(lambda: _found(decider, kind, _body()))

        search.__name__ = f"search_{kind}"
        return search

    def configuration() -> Response:
        return _json(_metadata())

    found.add_url_rule(EVALUATION, "evaluation", mark(evaluation), methods=["POST"])
    found.add_url_rule(EVALUATIONS, "evaluations", mark(evaluations), methods=["POST"])
    for kind in ("subject", "resource", "action"):
        found.add_url_rule(f"{SEARCH}/{kind}", f"search_{kind}", mark(search_for(kind)), methods=["POST"])
    if metadata:
        found.add_url_rule(METADATA, "configuration", anybody(configuration), methods=["GET"])
    return found


class PolicyDecider:
    """The policy in force, asked as a request would ask it."""

    def decide(self, evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
        """Answer each; what can't be read as a disclosure is a refusal without a reason."""
        questions = [_question(one) for one in evaluations]
        asked = [one for one in questions if one is not None]
        with current_gateway().store.writing() as unit:
            answers = iter(may.may(unit, current_actor(), asked)) if asked else iter(())
        return [_decided(next(answers)) if one is not None else _decided(None) for one in questions]

    def search(self, kind: str, evaluation: Evaluation) -> list[dict[str, Any]]:
        """What would be permitted in a case of the caller's own; behind a role, for it tells who could learn what."""
        if not _may_search(current_actor()):
            raise Forbidden(
                "Only an information-governance officer or an agency's gateway manager may search.",
                next_step="Ask for one thing.",
            )
        candidates = _candidates(kind, evaluation)
        if not candidates:
            return []
        answers = self._as_each(candidates)
        return [one[kind] for one, permitted in zip(candidates, answers, strict=True) if permitted]

    def _as_each(self, candidates: Sequence[Evaluation]) -> list[bool]:
        with current_gateway().store.writing() as unit:
            return [_is_permitted(unit, _question(one)) for one in candidates]


def _is_permitted(unit: Unit, question: Question | None) -> bool:
    """Whether the post that is asked about would be permitted; nobody is where there is no such post."""
    if question is None:
        return False
    try:
        asker = actor_for_post(unit, question.post_id)
    except (NotFound, Unauthenticated):
        return False
    [answer] = may.may(unit, asker, [question], searched_by=current_actor())
    return answer is not None and answer.outcome is Outcome.PERMIT


def _may_search(actor: Actor) -> bool:
    """An officer, or a post to which two officers gave the role: systems act in posts of staff alone."""
    return actor.face is Face.GOVERNANCE or Role.GATEWAY_MANAGER in actor.authorises


def _candidates(kind: str, evaluation: Evaluation) -> list[dict[str, Any]]:
    case_id = str(evaluation.get("context", {}).get("case_id", ""))
    with current_gateway().store.reading() as unit:
        if case_id not in _own_cases(unit, current_actor()):
            return []
        posts = [view.post_id for view in cases.assigned_posts(unit, case_id)]
    if kind == "action":
        return [{**evaluation, "action": {**evaluation.get("action", {}), "name": "disclose"}}]
    if kind == "subject":
        return [{**evaluation, "subject": {"type": "post", "id": post_id}} for post_id in posts]
    resource = evaluation["resource"]
    subject_id = str(resource.get("id", "")).split("/")[0]
    return [
        {**evaluation, "resource": {**resource, "id": f"{subject_id}/{category}"}}
        for category in vocabulary().terms("category")
    ]


def _own_cases(unit: Unit, actor: Actor) -> frozenset[str]:
    """The cases that an officer keeps, or that a post of staff is on."""
    found = cases.kept_cases(unit, actor) if actor.face is Face.GOVERNANCE else caseload.my_cases(unit, actor)
    return frozenset(view.case_id for view in found)


def _question(one: Evaluation) -> Question | None:
    subject, action, resource = one["subject"], one["action"], one["resource"]
    if (subject["type"], action["name"], resource["type"]) != ("post", "disclose", "information"):
        return None
    subject_id, _, category = resource["id"].partition("/")
    said, context = action.get("properties", {}), one.get("context", {})
    basis = said.get("legal_basis", {})
    try:
        return Question(
            post_id=subject["id"],
            case_id=_text(context["case_id"]),
            subject_id=subject_id,
            holder_agency_id=_text(context["holder_agency_id"]),
            category=category,
            purpose=_text(said["purpose"]),
            basis=Basis(
                tuple(_text(power) for power in basis["powers"]),
                _text(basis["dp_regime"]),
                _text(basis["dp_condition"]),
                _text(basis["confidence_basis"]),
            ),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _decided(found: LineDecision | None) -> dict[str, Any]:
    if found is None:
        return {
            "decision": False,
            "context": {"reason_user": {"en": "This can't be linked to a case of yours."}},
        }
    context: dict[str, Any] = {
        "reason_user": {"en": found.explanation.requester},
        "obligations": [
            {
                "id": str(one.code),
                "type": _PROFILE.get(str(one.code), "custom"),
                "properties": {"kind": one.kind, **({"days": one.days} if one.days is not None else {})},
            }
            for one in found.obligations
        ],
    }
    if found.outcome is Outcome.REFER:
        context["access_request"] = {"approvers": [str(role) for role in found.refer_to]}
    return {"decision": found.outcome is Outcome.PERMIT, "context": context}


def _several(decider: Decider, body: dict[str, Any]) -> dict[str, Any]:
    listed = body.get("evaluations")
    if listed is None or listed == []:
        return decider.decide([_complete(body)])[0]
    if not isinstance(listed, list) or len(listed) > _MOST_EVALUATIONS:
        raise BadRequest(f"evaluations is a list of at most {_MOST_EVALUATIONS}")
    options = body.get("options", {})
    semantic = options.get("evaluations_semantic", _SEMANTICS[0]) if isinstance(options, dict) else None
    if semantic not in _SEMANTICS:
        raise BadRequest("options.evaluations_semantic is not known")
    named = ("subject", "action", "resource", "context")
    defaults: dict[str, Any] = {name: body[name] for name in named if name in body}
    if semantic == _SEMANTICS[0]:
        return {"evaluations": _all(decider, defaults, listed)}
    stop_at = semantic == "permit_on_first_permit"
    found: list[dict[str, Any]] = []
    for one in listed:
        found += _all(decider, defaults, [one])
        if found[-1]["decision"] is stop_at:
            break
    return {"evaluations": found}


def _all(decider: Decider, defaults: Mapping[str, Any], listed: Sequence[Any]) -> list[dict[str, Any]]:
    """Every answer in order; an item that can't be read is refused, and the others are still answered."""
    read = [_tolerant(defaults, one) for one in listed]
    answers = iter(decider.decide([one for one in read if one is not None]))
    invalid = {"decision": False, "context": {"error": {"status": 400, "message": "not a whole evaluation"}}}
    return [next(answers) if one is not None else invalid for one in read]


def _tolerant(defaults: Mapping[str, Any], one: Any) -> dict[str, Any] | None:
    try:
        return _complete({**defaults, **one}) if isinstance(one, dict) else None
    except BadRequest:
        return None


def _complete(body: Mapping[str, Any], *, without: str = "") -> dict[str, Any]:
    """A whole evaluation, or BadRequest naming what is missing. Fields that aren't known are left out."""
    needed = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}
    found: dict[str, Any] = {}
    for name, keys in needed.items():
        part = body.get(name)
        if name == without:
            found[name] = part if isinstance(part, dict) else {}
            continue
        if not isinstance(part, dict) or not all(
            isinstance(part.get(key), str) and part[key] for key in keys
        ):
            raise BadRequest(f"{name} needs {' and '.join(keys)}")
        if not isinstance(part.get("properties", {}), dict):
            raise BadRequest(f"{name}.properties is an object")
        found[name] = part
    context = body.get("context", {})
    if not isinstance(context, dict):
        raise BadRequest("context is an object")
    return {**found, "context": context}


def _found(decider: Decider, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a search finds; by pages where the caller asks for them.

    A page is cut from an answer that is worked out anew, so nothing that was withdrawn meanwhile is on it.
    """
    question = _complete(body, without=kind)
    if "page" not in body:
        return {"results": decider.search(kind, question)}
    start, limit, digest = _page(kind, body)
    results = decider.search(kind, question)
    part = results[start : start + limit]
    more = start + limit < len(results)
    token = _token(start + limit, digest) if more and limit else ""
    return {"results": part, "page": {"next_token": token, "count": len(part), "total": len(results)}}


def _page(kind: str, body: Mapping[str, Any]) -> tuple[int, int, str]:
    """Where the page begins, how much may be on it, and which question it belongs to."""
    page = body["page"]
    asked = {name: value for name, value in body.items() if name != "page"}
    digest = hashlib.sha256(json.dumps([kind, asked], sort_keys=True).encode()).hexdigest()[:32]
    if not isinstance(page, dict):
        raise BadRequest("page is an object")
    limit, token = page.get("limit", _MOST_RESULTS), page.get("token", "")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise BadRequest("page.limit is a whole number, 0 or more")
    if not isinstance(token, str):
        raise BadRequest("page.token is text")
    number, _, of = token.partition(".")
    if token and (
        of != digest or not number.isascii() or not number.isdigit() or len(number) > _LONGEST_PLACE
    ):
        raise BadRequest("page.token doesn't belong to this search")
    return int(number or 0), min(limit, _MOST_RESULTS), digest


def _token(start: int, digest: str) -> str:
    return f"{start}.{digest}"


def _body() -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise BadRequest("the body is application/json")
    try:
        read = json.loads(request.get_data(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadRequest("the body can't be read as JSON") from None
    if not isinstance(read, dict) or not read:
        raise BadRequest("the body is a JSON object")
    if depth_of(read) > _MOST_NESTED:
        raise BadRequest("the body is nested too deeply")
    return read


def _refuse(name: str) -> None:
    raise ValueError(name)


def _answered(answer: Callable[[], dict[str, Any]]) -> Response:
    try:
        return _json(answer())
    except BadRequest as problem:
        return _json({"error": str(problem)}, 400)


def _json(content: Mapping[str, Any], status: int = 200) -> Response:
    response = Response(json.dumps(content), status=status, mimetype="application/json")
    asked = request.headers.get("X-Request-ID", "")
    if asked and len(asked) <= 200 and asked.isprintable() and asked.isascii():
        response.headers["X-Request-ID"] = asked
    return response


def _metadata() -> dict[str, Any]:
    base = str(current_gateway().settings.web.public_url).rstrip("/")
    return {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}{EVALUATION}",
        "access_evaluations_endpoint": f"{base}{EVALUATIONS}",
        "search_subject_endpoint": f"{base}{SEARCH}/subject",
        "search_resource_endpoint": f"{base}{SEARCH}/resource",
        "search_action_endpoint": f"{base}{SEARCH}/action",
        "supported_obligations": sorted({*_PROFILE.values(), "custom"}),
    }


blueprint = make_blueprint(
    "authzen",
    PolicyDecider(),
    mark=machine("authzen"),
    anybody=public("AuthZEN 1.0: a client reads where to ask before it can sign in"),
)
