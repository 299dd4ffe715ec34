"""The demonstration: the partnership Meadowshire and three weeks of its life."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlmodel import col, select

from gateway.assembly import Gateway, assemble
from gateway.cli import demo_heard
from gateway.cli.demo_stage import Ask, Stage
from gateway.clock import FixedClock
from gateway.consent.models import Wish
from gateway.disclosure import authorise, desk, judge, onward, release, withdraw
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.content import Content
from gateway.disclosure.models import Line, RequestKind
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.policy import lifecycle
from gateway.registry.actors import Actor
from gateway.registry.importing import import_register
from gateway.registry.models import Partnership
from gateway.review import concerns
from gateway.review.models import ConcernKind
from gateway.sealing.models import CopyOf, Parcel
from gateway.store.unit_of_work import Unit

BEGINS = timedelta(days=21)
ENABLED = ("mappa", "marac")
_DOCUMENTS = {
    "extract.pdf": "convictions",
    "risk-notes.docx": "risk_assessment",
    "photograph.jpg": "identity",
}
_HOLDING_KEYS = (
    "probation-om",
    "police-ppu",
    "housing-officer",
    "social-worker",
    "health-lead",
    "lantern-idva",
    "marac-coordinator",
)


def fill(gateway: Gateway) -> bool:
    """Fill an empty installation with Meadowshire; gives False, and changes nothing, where it is already there.

    The story's people make their keys here: the private halves are written to the demonstration's own folder, as the
    backup files a browser would make, so that a visitor can restore one. No installation but the demonstration does.
    """
    with gateway.store.reading() as unit:
        if unit.session.exec(select(Partnership)).first() is not None:
            return False
    clock = FixedClock(gateway.clock.now() - BEGINS)
    past = assemble(gateway.settings, clock=clock)
    Story(Stage(past, clock)).tell()
    past.store.close()
    return True


class Story:
    """Three weeks in Meadowshire, in order; each step is one unit of work at its own time."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ends = stage.clock.now() + BEGINS

    def tell(self) -> None:
        """The whole story."""
        self.stage.clean_ahead(_DOCUMENTS)
        self._found()
        self._make_keys()
        self._hear_the_victims()
        self._permit_whole()
        self._permit_in_part()
        self._refuse()
        self._override()
        self._pass_on()
        self._withdraw()
        self._refer()
        self._worry()
        self._ask_today()

    def _found(self) -> None:
        text = (self.stage.folder / "register.toml").read_text(encoding="utf-8")
        self.stage.do(lambda unit: import_register(unit, text))

        self.stage.do(
            lambda unit: lifecycle.activate_shipped(
                unit, self.stage.partnership_id(unit), self.stage.agency_id(unit, "office"), ENABLED
            )
        )

    def _make_keys(self) -> None:
        for code in _HOLDING_KEYS:
            self.stage.make_keys(code, approver="office-ig")

    def _hear_the_victims(self) -> None:
        self.stage.later(days=1)
        demo_heard.views_of(
            self.stage,
            "s-jess",
            Wish.AGREES,
            "I want them to know what I am afraid of, but not where I live.",
        )
        demo_heard.views_of(
            self.stage, "s-alex", Wish.OBJECTS, "I don't want this shared. He will know it was me."
        )
        for subject in ("s-jess", "s-alex"):
            demo_heard.confirm_mandate(self.stage, demo_heard.mandate_of(self.stage, subject))

    def _permit_whole(self) -> None:
        """A probation officer asks police about the man she supervises, and opens what they hold."""
        self.stage.later(days=1)
        lines = self.stage.ask(
            Ask(
                who="probation-om",
                holder="police",
                case="M2-0417",
                subject="s-robin",
                categories=("convictions", "risk_assessment", "allegations"),
                purpose="public_protection",
                powers=("cja2003_s325",),
                recipients=("probation-om",),
                why="To write the risk management plan for the Level 2 meeting on Thursday.",
            )
        )
        self.stage.later(hours=5)
        self.stage.release(
            "police-ppu", lines["convictions"], self.stage.file("extract.pdf"), "Plan for Thursday's meeting"
        )
        text = Content(
            text="OASys very high on release; last reviewed after the breach in 2023. Opinion kept apart."
        )
        self.stage.release("police-ppu", lines["risk_assessment"], text, "Plan for Thursday's meeting")
        about = self.stage.about("Plan for Thursday's meeting")
        self.stage.by(
            "police-ppu",
            lambda unit, actor: release.say_nothing_held(unit, actor, lines["allegations"], about),
        )
        self.stage.later(hours=2)
        self.stage.open("probation-om", lines["convictions"])

    def _permit_in_part(self) -> None:
        """A domestic-abuse service asks for more than the purpose needs: three kinds pass, one is kept back."""
        self.stage.later(days=2)
        lines = self.stage.ask(
            Ask(
                who="lantern-idva",
                holder="police",
                case="R-0931",
                subject="s-alex",
                categories=("identity", "risk_assessment", "allegations", "sexual_life"),
                purpose="victim_safety",
                powers=("cda1998_s115", "common_law_police"),
                recipients=("lantern-idva",),
                why="To plan her safety before the conference: 16 ticks, three call-outs.",
                confidence="public_interest",
            )
        )
        self.stage.later(hours=3)
        self.stage.release(
            "police-ppu",
            lines["risk_assessment"],
            self.stage.file("risk-notes.docx"),
            "Safety plan by Lantern",
        )
        self.stage.release(
            "police-ppu", lines["identity"], self.stage.file("photograph.jpg"), "Safety plan by Lantern"
        )
        self.stage.later(hours=1)
        self.stage.open("lantern-idva", lines["risk_assessment"])

    def _refuse(self) -> None:
        """The man's supervising officer asks where the victim lives: closed, whoever permits what."""
        self.stage.later(days=1)
        self.stage.ask(
            Ask(
                who="probation-om",
                holder="lantern",
                case="M2-0417",
                subject="s-jess",
                categories=("address_current",),
                purpose="victim_safety",
                powers=("cja2003_s325",),
                recipients=("probation-om",),
                why="To draw the exclusion zone.",
                regime="uk_gdpr",
                condition="sch1_para18_safeguarding",
            )
        )

    def _override(self) -> None:
        """She objects; a child is at risk too, and the holder says so: it is shared against her wish, with reasons."""
        self.stage.later(days=2)
        asked = Ask(
            who="marac-coordinator",
            holder="lantern",
            case="R-0931",
            subject="s-alex",
            categories=("risk_assessment",),
            purpose="victim_safety",
            powers=("cda1998_s115", "public_interest"),
            recipients=("marac-coordinator",),
            why="For the conference on Tuesday.",
            regime="uk_gdpr",
            condition="sch1_para18_safeguarding",
            confidence="public_interest",
            declared=(("child_in_household", "Her son of four lives with them."),),
        )
        lines = self.stage.ask(asked)
        request_id = self.stage.do(
            lambda unit: unit.session.get_one(Line, lines["risk_assessment"]).request_id
        )
        words = "The child saw the last assault and was hurt in it; recorded by the social worker on Friday."
        self.stage.by(
            "lantern-idva", lambda unit, actor: desk.declare(unit, actor, request_id, "others_at_risk", words)
        )
        self.stage.later(hours=2)
        text = Content(text="DASH 16 ticks, visible high risk. Escalating: three call-outs in twelve months.")
        self.stage.release("lantern-idva", lines["risk_assessment"], text, "Conference on Tuesday; chair")
        self.stage.later(hours=3)
        self.stage.open("marac-coordinator", lines["risk_assessment"])

    def _pass_on(self) -> None:
        """The service wants the children's social worker to have the notes too: police, whose they are, decide."""
        self.stage.later(days=1)

        def ask_onward(unit: Unit, actor: Actor) -> str:
            parcel = unit.session.exec(
                select(Parcel)
                .join(Line, col(Line.id) == col(Parcel.line_id))
                .where(
                    Parcel.recipient_post_id == actor.post_id,
                    Parcel.copy_of == CopyOf.RECIPIENT,
                    Line.category == "risk_assessment",
                )
            ).one()
            basis = Basis(
                ("cda1998_s115", "common_law_police"),
                "part3",
                "s35_sch8_para4_safeguarding",
                "public_interest",
            )
            asking = Asking(
                kind=RequestKind.ASK,
                holder_agency_id=parcel.controller_agency_id,
                categories=(),
                purpose="victim_safety",
                basis=basis,
                why="The social worker visits on Monday and must know how dangerous he is.",
                recipients=(NamedRecipient(post_id=self.stage.post_id(unit, "social-worker")),),
            )
            return onward.ask_onward(unit, actor, parcel.id, asking).request_id

        request_id = self.stage.by("lantern-idva", ask_onward)
        line_id = self.stage.do(lambda unit: judge.lines_of(unit, request_id)[0].id)
        reasons = "It is ours, she needs it for the visit, and the purpose is the one we gave it for."
        self.stage.by(
            "police-ppu",
            lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons=reasons).id,
        )
        self.stage.later(hours=4)
        self.stage.release("police-ppu", line_id, self.stage.file("risk-notes.docx"), "Home visit on Monday")
        self.stage.open("social-worker", line_id)

    def _withdraw(self) -> None:
        """Her address went to the housing officer because she agreed; she takes that back: all is frozen at once."""
        self.stage.later(days=2)
        consent_id = demo_heard.consent_to_housing(self.stage)
        lines = self.stage.ask(
            Ask(
                who="housing-officer",
                holder="lantern",
                case="R-0931",
                subject="s-alex",
                categories=("address_current",),
                purpose="victim_safety",
                powers=("consent",),
                recipients=("housing-officer",),
                why="To change the locks and fit the alarm on Friday.",
                regime="uk_gdpr",
                condition="art6_1_a_consent",
                confidence="agreement",
            )
        )
        text = Content(
            text="Flat 0, Nowhere Court, Invented Street, Meadowshire ZZ99 1WZ. Ring the duty line first."
        )
        self.stage.release("lantern-idva", lines["address_current"], text, "Locks and alarm; housing officer")
        self.stage.later(days=2)
        self.stage.by(
            "lantern-idva",
            lambda unit, actor: withdraw.withdraw_consent(unit, actor, consent_id, by_subject=True),
        )

    def _refer(self) -> None:
        """After a withdrawal nobody rolls on: the chair decides afresh and a second person with her; one waits."""
        self.stage.later(days=1)
        asked = Ask(
            who="marac-coordinator",
            holder="lantern",
            case="R-0931",
            subject="s-alex",
            categories=("address_current",),
            purpose="victim_safety",
            powers=("cda1998_s115", "public_interest"),
            recipients=("housing-officer",),
            why="The conference made housing the owner of the alarm, and he was seen in the street.",
            regime="uk_gdpr",
            condition="sch1_para18_safeguarding",
            confidence="public_interest",
        )
        decided = self.stage.ask(asked)["address_current"]
        self.stage.ask(replace(asked, why="The locksmith comes again next week."))
        self.stage.later(hours=6)
        reasons = "The child is at risk whatever she wishes; her advocate told her why this morning."
        given = self.stage.by(
            "marac-chair",
            lambda unit, actor: authorise.authorise(unit, actor, decided, grants=True, reasons=reasons).id,
        )
        self.stage.by(
            "marac-deputy",
            lambda unit, actor: authorise.second(
                unit, actor, given, agrees=True, reasons="I read the same notes and agree."
            ),
        )

    def _worry(self) -> None:
        """Her advocate reads the log and asks why she was overruled."""
        self.stage.later(days=1)

        def raise_concern(unit: Unit, actor: Actor) -> None:
            subject_id = self.stage.subject_id(unit, "s-alex")
            chosen = read.Filter(kinds=(EntryKind.RELEASE_MADE,))
            newest = read.entries_for_subject(unit, subject_id, chosen).entries[0]
            said = concerns.Raising(
                kind=ConcernKind.NOT_AGREED,
                words="She had said no. Who decided, and was she told?",
                act_before_asking=False,
            )
            concerns.raise_concern(unit, actor, subject_id, newest.entry_id, said)

        self.stage.by("lantern-advocate", raise_concern)

    def _ask_today(self) -> None:
        """Something waits for each desk this morning."""
        self.stage.clock.advance(self.ends - self.stage.clock.now() - timedelta(hours=2))
        self.stage.ask(
            Ask(
                who="probation-om",
                holder="police",
                case="M2-0417",
                subject="s-robin",
                categories=("supervision_conditions", "intelligence"),
                purpose="public_protection",
                powers=("cja2003_s325",),
                recipients=("probation-om",),
                why="The meeting moved him to weekly reporting and needs what changed since August.",
            )
        )
