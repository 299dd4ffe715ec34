"""The machine API, version 1: the same verbs as the pages, in the post the client acts for."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from gateway.api import tokens
from gateway.api.operations import Wire, operation, read_body
from gateway.api.tokens import admit
from gateway.disclosure import ask, authorise, desk, keyring, onward, reading, release
from gateway.disclosure import open as opening
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.content import Content, prepare
from gateway.disclosure.models import RequestKind
from gateway.disclosure.release import About, NotReleased
from gateway.errors import Conflict, Invalid
from gateway.registry import cases, subjects
from gateway.vocabulary import vocabulary
from gateway.web.access import current_actor, current_gateway, public

__all__ = ["admit", "blueprint"]

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Code = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class TokenRequest(Wire):
    """A client assertion (RFC 7523) that buys a token."""

    client_assertion: Annotated[str, Field(max_length=8192)]


class Token(Wire):
    """A token for DPoP-bound use."""

    access_token: str
    token_type: str
    expires_in: int


class BasisIn(Wire):
    """The legal basis in its four parts."""

    powers: list[Code] = Field(min_length=1, max_length=10)
    dp_regime: Code
    dp_condition: Code
    confidence_basis: Code


class RecipientIn(Wire):
    """A post, or someone outside with the officer who delivers."""

    post_id: Id | None = None
    agency_type: Code | None = None
    role: Annotated[str, Field(max_length=200)] | None = None
    described: Words | None = None
    delivering_post_id: Id | None = None


class RequestIn(Wire):
    """What is asked for or offered."""

    kind: RequestKind = RequestKind.ASK
    case_id: Id | None = None
    subject_ids: list[Id] = Field(default_factory=list, max_length=50)
    case_reference: Annotated[str, Field(max_length=2000)] | None = None
    person: Annotated[str, Field(max_length=2000)] | None = None
    holder_agency_id: Id
    categories: list[Code] = Field(min_length=1, max_length=40)
    purpose: Code
    basis: BasisIn
    why: Annotated[str, Field(min_length=1, max_length=500)]
    recipients: list[RecipientIn] = Field(min_length=1, max_length=10)
    needed_by: date | None = None
    declarations: dict[Code, Words] = Field(default_factory=dict)

    def asking(self) -> Asking:
        """The same as the flow takes it."""
        return Asking(
            kind=self.kind,
            case_id=self.case_id,
            subject_ids=tuple(self.subject_ids),
            case_reference=self.case_reference,
            person=self.person,
            holder_agency_id=self.holder_agency_id,
            categories=tuple(self.categories),
            purpose=self.purpose,
            basis=Basis(
                tuple(self.basis.powers),
                self.basis.dp_regime,
                self.basis.dp_condition,
                self.basis.confidence_basis,
            ),
            why=self.why,
            recipients=tuple(NamedRecipient(**one.model_dump()) for one in self.recipients),
            needed_by=self.needed_by,
            declarations=dict(self.declarations),
        )


class Received(Wire):
    """The reference; `decided` tells whether the decision may be read."""

    request_id: str
    reference: str
    decided: bool


class Obligation(Wire):
    """What goes with a line."""

    code: str
    kind: str
    owner: str | None
    days: int | None


class Line(Wire):
    """One subject, one kind of information, one recipient."""

    line_id: str
    subject_reference: str
    category: str
    recipient: str
    state: str
    outcome: str | None
    text: str
    alternative: str
    obligations: list[Obligation]
    refer_to: list[str]
    policy_version: str


class Summary(Wire):
    """A request in a list."""

    request_id: str
    reference: str
    kind: str
    state: str
    outcome: str | None
    purpose: str
    due_at: datetime
    overdue: bool


class Summaries(Wire):
    """A list of requests."""

    requests: list[Summary]


class Detail(Wire):
    """A request with its lines."""

    request: Summary
    lines: list[Line]
    may: list[str]


class CaseOut(Wire):
    """A case of this post, with its subjects and the posts on it."""

    case_id: str
    reference: str
    arrangement: str
    subjects: list[dict[str, str]]
    posts: list[dict[str, str]]


class CasesOut(Wire):
    """The cases of this post."""

    cases: list[CaseOut]


class WordsIn(Wire):
    """Words from a person."""

    words: Words


class DeclineIn(Wire):
    """Why a line is declined."""

    reason_code: Code
    words: Words


class ReleaseIn(Wire):
    """The content of a line and what is said of it."""

    text: Annotated[str, Field(max_length=20_000)] | None = None
    filename: Annotated[str, Field(max_length=200)] | None = None
    data_base64: str | None = None
    data_as_of: date
    verified: bool
    fact_or_opinion: Code
    action: Annotated[str, Field(min_length=1, max_length=500)]
    accepts_findings: bool = False

    def content(self) -> Content:
        """The same as the flow takes it. Raises Invalid when the data isn't base64."""
        try:
            data = base64.b64decode(self.data_base64, validate=True) if self.data_base64 else None
        except binascii.Error as error:
            raise Invalid("The data isn't base64.", fields={"data_base64": "Send base64."}) from error
        return Content(self.text, self.filename, data)


class ReleasedOut(Wire):
    """A line that left, sealed."""

    release_id: str
    parcel_id: str


class AuthoriseIn(Wire):
    """A person's decision on a referred line."""

    grants: bool
    reasons: Words


class ParcelOut(Wire):
    """Something sealed to this post."""

    parcel_id: str
    reference: str
    category: str
    state: str
    sealed_at: datetime
    expires_at: datetime
    opened: int


class ParcelsOut(Wire):
    """What was sealed to this post."""

    parcels: list[ParcelOut]


class ConditionsOut(Wire):
    """What must be accepted before opening, and the key it is sealed to."""

    parcel: ParcelOut
    kid: str
    undertakings: list[str]
    accepted: bool
    data_as_of: date
    verified: bool


class OpenIn(Wire):
    """The conditions that are accepted, by code."""

    accepts: list[Code] = Field(default_factory=list, max_length=40)


class OpenedOut(Wire):
    """A recorded opening; collect the content with its id."""

    opening_id: str


class CollectedOut(Wire):
    """The sealed content with the log's proofs of its release and of this opening (C2SP tlog-proof)."""

    parcel_id: str
    jwe: str
    digest: str
    proofs: list[str]
    consistency: list[str]
    log_keys: list[str]


class KeysIn(Wire):
    """Two public keys: the one in use, and the spare."""

    keys: list[dict[str, str]] = Field(min_length=2, max_length=2)


class ChallengeOut(Wire):
    """Open this with the private key and send back what it says."""

    key_id: str
    kid: str
    place: str
    jwe: str


class ChallengesOut(Wire):
    """One challenge for each key."""

    challenges: list[ChallengeOut]


class AnswerIn(Wire):
    """What a challenge said."""

    answer: Annotated[str, Field(min_length=1, max_length=200)]


class KeyOut(Wire):
    """A key and where it stands."""

    key_id: str
    kid: str
    place: str
    state: str


class KeysOut(Wire):
    """The keys of this post."""

    keys: list[KeyOut]


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
                {"post_id": post.post_id, "agency_id": post.agency_id, "role": post.role}
                for post in cases.assigned_posts(unit, case.case_id)
            ]
            about = [
                {"subject_id": view.subject_id, "reference": view.reference, "role": view.role}
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
    problems=(400, 409),
)
def make_request(body: RequestIn) -> Received:
    """Ask or offer; the same Idempotency-Key always yields the same request."""
    with current_gateway().store.writing() as unit:
        asked = ask.ask(unit, current_actor(), body.asking(), idempotency_key=idempotency_key())
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


@operation(blueprint, "GET", "/requests", summary="Requests of this post", gives=Summaries, query=("tab",))
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


@operation(blueprint, "GET", "/inbox", summary="Requests put to this agency", gives=Summaries, query=("tab",))
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
    problems=(409, 413),
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
    query=("seen_size",),
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
    takes=RequestIn,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(400, 409),
)
def ask_onward(parcel_id: str, body: RequestIn) -> Received:
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
    if not 8 <= len(key) <= 100:
        raise Invalid(
            "An Idempotency-Key is needed.",
            fields={"Idempotency-Key": "Send a header of 8 to 100 characters, new for each request."},
        )
    return key


def _seen_size() -> int | None:
    size = request.args.get("seen_size")
    if size is None:
        return None
    if not size.isascii() or not size.isdigit() or len(size) > 15:
        raise Invalid("The size isn't a number.", fields={"seen_size": "Give the log's size as last seen."})
    return int(size)


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
