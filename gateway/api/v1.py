"""The machine API, version 1: the same verbs as the pages, in the post the client acts for."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from flask.sansio.blueprints import BlueprintSetupState

from gateway.api import tokens
from gateway.api.bodies import (
    AnswerIn,
    AuthoriseIn,
    CaseOut,
    CasesOut,
    ChallengeOut,
    ChallengesOut,
    CollectedOut,
    ConditionsOut,
    DeclineIn,
    Detail,
    KeyOut,
    KeysIn,
    KeysOut,
    Line,
    Obligation,
    OnwardIn,
    OpenedOut,
    OpenIn,
    ParcelOut,
    ParcelsOut,
    PostOut,
    Received,
    ReleasedOut,
    ReleaseIn,
    RequestIn,
    SubjectOut,
    Summaries,
    Summary,
    Token,
    TokenRequest,
    WordsIn,
)
from gateway.api.operations import Query, operation, read_body
from gateway.api.tokens import admit
from gateway.disclosure import ask, authorise, desk, keyring, onward, reading, release
from gateway.disclosure import open as opening
from gateway.disclosure.content import prepare
from gateway.disclosure.release import About, NotReleased
from gateway.errors import Conflict, Invalid
from gateway.registry import cases, subjects
from gateway.vocabulary import vocabulary
from gateway.web.access import current_actor, current_gateway, public

__all__ = ["admit", "blueprint"]

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

LARGEST_RELEASE = 16 * 1024 * 1024
_MINE = Query("waiting|needs_more|decided|overdue", "Choose one of waiting, needs_more, decided and overdue.")
_DESK = Query("to_release|waiting|done|overdue", "Choose one of to_release, waiting, done and overdue.")
_SIZE = Query("[0-9]{1,15}", "Give the log's size as last seen.")


@blueprint.record_once
def _without_form_tokens(setup: BlueprintSetupState) -> None:
    """A machine brings no cookie, so there is nothing that another site could use in its name."""
    setup.app.extensions["csrf"].exempt(blueprint)


@blueprint.after_request
def _name_the_scheme(response: Response) -> Response:
    """A refusal says how to sign in (RFC 9110 section 11.6.1, RFC 9449 section 7.1)."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = f'DPoP algs="{" ".join(tokens.ALGORITHMS)}"'
    return response


@blueprint.post("/token")
@public("a client signs in here; the assertion and the proof are its credentials")
def token() -> Response:
    """Sign a client in."""
    body: TokenRequest = read_body(TokenRequest)
    granted = tokens.grant(body.client_assertion, request.headers.get("DPoP", ""))
    given = Token(access_token=granted.token, token_type="DPoP", expires_in=granted.expires_in)  # noqa: S106
    return Response(given.model_dump_json(), mimetype="application/json")


@blueprint.get("/openapi.json")
@public("the description of the API says nothing about anyone")
def description() -> Response:
    """The OpenAPI 3.1 description."""
    from gateway.api.openapi import document

    return jsonify(document())


@operation(blueprint, "GET", "/cases", summary="The cases this post is on", gives=CasesOut)
def list_cases() -> CasesOut:
    """The cases this post is on."""
    with current_gateway().store.reading() as unit:
        found = []
        for case in cases.my_cases(unit, current_actor()):
            people = [
                PostOut(post_id=post.post_id, agency_id=post.agency_id, role=post.role)
                for post in cases.assigned_posts(unit, case.case_id)
            ]
            about = [
                SubjectOut(subject_id=view.subject_id, reference=view.reference, role=view.role)
                for view in subjects.subjects_of(unit, case.case_id)
            ]
            found.append(
                CaseOut(
                    case_id=case.case_id,
                    reference=case.reference,
                    arrangement=case.arrangement_kind,
                    subjects=about,
                    posts=people,
                )
            )
        return CasesOut(cases=found)


@operation(
    blueprint,
    "POST",
    "/requests",
    summary="Ask for information, or offer it",
    takes=RequestIn,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(409,),
)
def make_request(body: RequestIn) -> Received:
    """Ask or offer; the same Idempotency-Key always yields the same request."""
    with current_gateway().store.writing() as unit:
        asked = ask.ask(unit, current_actor(), body.asking(), idempotency_key=idempotency_key())
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


@operation(
    blueprint, "GET", "/requests", summary="Requests of this post", gives=Summaries, query={"tab": _MINE}
)
def list_requests() -> Summaries:
    """Requests of this post: waiting, needs_more, decided or overdue."""
    with current_gateway().store.reading() as unit:
        found = reading.my_requests(unit, current_actor(), request.args.get("tab", "waiting"))
    return Summaries(requests=[_summary(one) for one in found])


@operation(blueprint, "GET", "/requests/<id:request_id>", summary="One request with its lines", gives=Detail)
def read_request(request_id: str) -> Detail:
    """One request with its lines, as this post may read it."""
    with current_gateway().store.reading() as unit:
        found = reading.request_for(unit, current_actor(), request_id)
    return Detail(
        request=_summary(found.summary), lines=[_line(line) for line in found.lines], may=sorted(found.may)
    )


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/cancellation",
    summary="Cancel a request",
    status=204,
    problems=(409,),
)
def cancel_request(request_id: str) -> None:
    """Cancel a request of this post."""
    with current_gateway().store.writing() as unit:
        ask.cancel(unit, current_actor(), request_id)


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/answers",
    summary="Answer what the holder asked",
    takes=WordsIn,
    status=204,
    problems=(409,),
)
def answer_request(request_id: str, body: WordsIn) -> None:
    """Answer what the holder still needed to know."""
    with current_gateway().store.writing() as unit:
        ask.answer(unit, current_actor(), request_id, body.words)


@operation(
    blueprint, "GET", "/inbox", summary="Requests put to this agency", gives=Summaries, query={"tab": _DESK}
)
def list_inbox() -> Summaries:
    """Requests put to this agency: to_release, waiting, done or overdue."""
    with current_gateway().store.reading() as unit:
        found = reading.inbox(unit, current_actor(), request.args.get("tab", "to_release"))
    return Summaries(requests=[_summary(one) for one in found])


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/questions",
    summary="Ask the requester for more",
    takes=WordsIn,
    status=204,
    problems=(409,),
)
def question_request(request_id: str, body: WordsIn) -> None:
    """Ask the requester for what is missing."""
    with current_gateway().store.writing() as unit:
        desk.need_more(unit, current_actor(), request_id, body.words)


@operation(
    blueprint,
    "POST",
    "/lines/<id:line_id>/declination",
    summary="Decline a line",
    takes=DeclineIn,
    status=204,
    problems=(409,),
)
def decline_line(line_id: str, body: DeclineIn) -> None:
    """Decline to release a line, with a reason."""
    with current_gateway().store.writing() as unit:
        desk.decline(unit, current_actor(), line_id, body.reason_code, body.words)


@operation(
    blueprint,
    "POST",
    "/lines/<id:line_id>/release",
    summary="Release a line",
    takes=ReleaseIn,
    gives=ReleasedOut,
    status=201,
    largest=LARGEST_RELEASE,
    problems=(409,),
)
def release_line(line_id: str, body: ReleaseIn) -> ReleasedOut:
    """Clean, seal and release the content of one line; 409 when it is decided differently now."""
    with current_gateway().store.reading() as unit:
        _detail, line = reading.line_for_desk(unit, current_actor(), line_id)
    prepared = prepare(body.content(), line.category)
    about = About(body.data_as_of, body.verified, body.fact_or_opinion, body.action)
    with current_gateway().store.writing() as unit:
        done = release.release(
            unit, current_actor(), line_id, prepared, about, accepts_findings=body.accepts_findings
        )
    if isinstance(done, NotReleased):
        raise Conflict("Decided again, this may not be released now.", next_step=done.text)
    return ReleasedOut(release_id=done.release_id, parcel_id=done.parcel_id)


@operation(
    blueprint,
    "POST",
    "/lines/<id:line_id>/authorisation",
    summary="Decide a referred line",
    takes=AuthoriseIn,
    status=204,
    problems=(403, 409),
)
def authorise_line(line_id: str, body: AuthoriseIn) -> None:
    """Grant or refuse a referred line, in a role that may."""
    with current_gateway().store.writing() as unit:
        authorise.authorise(unit, current_actor(), line_id, grants=body.grants, reasons=body.reasons)


@operation(blueprint, "GET", "/parcels", summary="What was sealed to this post", gives=ParcelsOut)
def list_parcels() -> ParcelsOut:
    """What was sealed to this post, newest first."""
    with current_gateway().store.reading() as unit:
        found = opening.parcels_for(unit, current_actor())
    return ParcelsOut(parcels=[_parcel(one) for one in found])


@operation(blueprint, "GET", "/parcels/<id:parcel_id>", summary="Conditions of a parcel", gives=ConditionsOut)
def read_parcel(parcel_id: str) -> ConditionsOut:
    """What must be accepted before a parcel is opened."""
    with current_gateway().store.reading() as unit:
        found = opening.parcel_for(unit, current_actor(), parcel_id)
    return ConditionsOut(
        parcel=_parcel(found.summary),
        kid=found.kid,
        undertakings=list(found.undertakings),
        accepted=found.accepted,
        data_as_of=found.data_as_of,
        verified=found.verified,
    )


@operation(
    blueprint,
    "POST",
    "/parcels/<id:parcel_id>/openings",
    summary="Open a parcel",
    takes=OpenIn,
    gives=OpenedOut,
    status=201,
    problems=(409, 410),
)
def open_parcel(parcel_id: str, body: OpenIn) -> OpenedOut:
    """Record an opening; the content is collected with its id once that is confirmed."""
    with current_gateway().store.writing() as unit:
        done = opening.open_parcel(unit, current_actor(), parcel_id, accepts=frozenset(body.accepts))
    if isinstance(done, opening.NotOpened):
        raise Conflict("Decided again, this may not be opened now.", next_step=done.text)
    return OpenedOut(opening_id=done.opening_id)


@operation(
    blueprint,
    "GET",
    "/openings/<id:opening_id>",
    summary="Collect the sealed content",
    gives=CollectedOut,
    query={"seen_size": _SIZE},
    problems=(409, 410),
)
def collect(opening_id: str) -> CollectedOut:
    """The sealed content of a recorded opening, with the log's proofs."""
    with current_gateway().store.reading() as unit:
        got = opening.collect(unit, current_actor(), opening_id, seen_size=_seen_size())
    return CollectedOut(
        parcel_id=got.parcel_id,
        jwe=got.jwe,
        digest=got.digest,
        proofs=list(got.proofs),
        consistency=list(got.consistency),
        log_keys=list(got.log_keys),
    )


@operation(
    blueprint,
    "POST",
    "/parcels/<id:parcel_id>/onward",
    summary="Ask to pass on what was received",
    takes=OnwardIn,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(409,),
)
def ask_onward(parcel_id: str, body: OnwardIn) -> Received:
    """Ask the originator whether something received may go onward; the purpose may only narrow."""
    with current_gateway().store.writing() as unit:
        asked = onward.ask_onward(
            unit, current_actor(), parcel_id, body.asking(), idempotency_key=idempotency_key()
        )
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


@operation(blueprint, "GET", "/keys", summary="Keys of this post", gives=KeysOut)
def list_keys() -> KeysOut:
    """The keys of this post and where each stands."""
    with current_gateway().store.reading() as unit:
        found = keyring.mine(unit, current_actor())
    return KeysOut(keys=[KeyOut(key_id=k.id, kid=k.kid, place=k.place, state=k.state) for k in found])


@operation(
    blueprint,
    "POST",
    "/keys",
    summary="Register two public keys",
    takes=KeysIn,
    gives=ChallengesOut,
    status=201,
)
def enrol_keys(body: KeysIn) -> ChallengesOut:
    """Register the public keys of this post; answer each challenge, then an officer approves."""
    with current_gateway().store.writing() as unit:
        found = keyring.enrol(unit, current_actor(), body.keys)
    challenges = [ChallengeOut(key_id=c.key_id, kid=c.kid, place=c.place, jwe=c.jwe) for c in found]
    return ChallengesOut(challenges=challenges)


@operation(
    blueprint,
    "POST",
    "/keys/<id:key_id>/proof",
    summary="Prove possession of a key",
    takes=AnswerIn,
    status=204,
    problems=(409,),
)
def prove_key(key_id: str, body: AnswerIn) -> None:
    """Send back what the challenge said."""
    with current_gateway().store.writing() as unit:
        keyring.prove(unit, current_actor(), key_id, body.answer)


def idempotency_key() -> str:
    """The client's Idempotency-Key.

    Raises:
        Invalid: it is missing or not 8 to 100 characters long.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not 8 <= len(key) <= 100 or not key.isascii() or not key.isprintable():
        raise Invalid(
            "An Idempotency-Key is needed.",
            fields={"Idempotency-Key": "Send a header of 8 to 100 plain characters, new for each request."},
        )
    return key


def _seen_size() -> int | None:
    size = request.args.get("seen_size")
    return None if size is None else int(size)


def _summary(found: reading.RequestSummary) -> Summary:
    return Summary(
        request_id=found.request_id,
        reference=found.reference,
        kind=found.kind,
        state=found.state,
        outcome=found.outcome,
        purpose=found.purpose,
        due_at=found.due_at,
        overdue=found.overdue,
    )


def _line(found: reading.LineDetail) -> Line:
    return Line(
        line_id=found.line_id,
        subject_reference=found.subject_reference,
        category=found.category,
        recipient=found.recipient,
        state=found.state,
        outcome=found.outcome,
        text=found.text,
        alternative=found.alternative,
        obligations=[
            Obligation(code=due.code, kind=due.kind, owner=due.owner, days=due.days)
            for due in found.obligations
        ],
        refer_to=[vocabulary().label("role", code) for code in found.refer_to],
        policy_version=found.policy_version,
    )


def _parcel(found: opening.ParcelSummary) -> ParcelOut:
    return ParcelOut(
        parcel_id=found.parcel_id,
        reference=found.reference,
        category=found.category,
        state=found.state,
        sealed_at=found.sealed_at,
        expires_at=found.expires_at,
        opened=found.opened,
    )
