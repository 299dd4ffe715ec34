"""Promise: a browser trusts the ledger it is first shown and holds on to it; before another she looks and asks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from gateway_verify.note import encode
from joserfc.jwk import ECKey
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from gateway.sealing import jwe
from gateway.sealing.envelope import unpack
from gateway.sealing.public_key import check_public_jwk
from tests.sealing.browser import ORIGIN, STATIC, Log, Site, page, serving
from tests.sealing.holding import LINE, PARCEL, SENTINEL, Recipient, log, now, restored, watchers

pytestmark = pytest.mark.browser

KEY = ECKey.generate_key("P-256")
MADE_UP = "does not say that it follows the one your browser trusted"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(Site()) as site:
        yield site


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    profile = browser.new_context(accept_downloads=True)
    tab = profile.new_page()
    faults: list[str] = []
    tab.on("console", lambda said: faults.append(said.text) if "Security Policy" in said.text else None)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    yield tab
    profile.close()
    assert not faults


@pytest.fixture
def she(tab: Page, site: Site) -> Recipient:
    """A recipient who never opened anything, before a log without witnesses."""
    site.posted.clear()
    return Recipient(tab, site, KEY, log(ORIGIN))


@pytest.fixture
def watched(she: Recipient) -> Recipient:
    """A recipient who has opened something of a log with three witnesses, two of which must sign it."""
    she.log = log(ORIGIN, witnesses=watchers("c1", "a1", "a2"))
    she.log.least = 2
    she.opens()
    return she


def fingerprint(shown: Log) -> str:
    return shown.verifier_key.fingerprint


def kept(she: Recipient) -> Any:
    """What her browser keeps of the log it trusts."""
    return she.tab.evaluate(
        "import('/static/js/sealing/keystore.js').then(({ trustedLog }) => trustedLog())"
        ".then((log) => log && { origin: log.origin, vkeys: log.vkeys, lagHours: log.lagHours, policy: log.policy })"
    )


def test_at_the_first_visit_it_says_so_and_shows_what_to_compare(she: Recipient) -> None:
    she.tab.goto(f"{she.site.url}/open")
    expect(she.tab.locator('[data-part="nothing-kept"]')).to_contain_text("its storage was cleared")
    she.sees_all()
    she.opens()
    first = she.tab.locator('[data-part="first"]')
    expect(first.locator("details")).not_to_have_attribute(
        "open", ""
    )  # beside what she came to read, not before it
    first.locator("summary").click()
    expect(first).to_contain_text(fingerprint(she.log))
    expect(first).to_contain_text("gateway-verify")
    expect(first).to_contain_text("information-governance officer")
    expect(she.tab.locator('[data-part="checked"]')).to_contain_text("has no witnesses outside")
    she.sees_all()


def test_what_it_trusts_is_there_to_be_looked_at_and_opens_without_a_word(watched: Recipient) -> None:
    watched.tab.goto(f"{watched.site.url}/open")
    shown = watched.tab.locator('[data-part="kept"]')
    shown.locator("summary").click()
    expect(shown).to_contain_text(fingerprint(watched.log))
    expect(shown).to_contain_text("2 of c1.example/witness, a1.example/witness, a2.example/witness")
    expect(watched.tab.locator('[data-part="nothing-kept"]')).to_be_hidden()
    watched.sees_all()
    watched.opens()
    expect(watched.tab.locator('[data-part="first"]')).to_be_hidden()
    expect(watched.tab.locator('[data-part="checked"]')).to_contain_text("last signed it at")
    assert not watched.has_accepted()


def test_another_key_and_name_open_nothing_and_are_said_plainly(she: Recipient) -> None:
    she.opens()
    honest, she.log = she.log, log("made.up/ledger")
    said = she.is_stopped()
    for words in (
        MADE_UP,
        "another name",
        "another key",
        fingerprint(honest),
        fingerprint(she.log),
        "officer",
    ):
        assert words in said, words
    seen = she.saves_what_was_seen("changed")
    assert all(vkey in seen for vkey in (honest.vkey, she.log.vkey))
    assert f"\n{len(honest.openings)}\n" in seen  # what it had kept was signed by the honest log
    she.tab.get_by_role("button", name="Don't open it").click()
    expect(she.step("trouble")).to_contain_text("still trusts the ledger it trusted before")
    assert not she.has_accepted()
    assert MADE_UP in she.is_stopped(), "it isn't a first visit the second time either"
    she.log = honest
    she.opens()


def test_another_key_under_the_same_name_is_another_ledger(watched: Recipient) -> None:
    honest, watched.log = watched.log, log(ORIGIN, 30, watched.log.witnesses)
    watched.log.least = 2
    said = watched.is_stopped()
    assert MADE_UP in said
    assert "another key" in said
    assert "another name" not in said
    assert fingerprint(honest) in said


def test_a_second_key_beside_the_first_that_changes_is_another_key(she: Recipient) -> None:
    second = Log().vkey
    she.spoil = lambda answer: {"policy": f"log {second}\n" + answer["policy"]}
    she.opens()
    she.spoil = lambda _: {}
    assert "another key" in she.is_stopped()


def test_a_declared_restore_says_what_was_lost_and_goes_on_once_she_asked(watched: Recipient) -> None:
    former = watched.log
    size = len(former.openings)
    watched.log = restored(former, lost=3)
    watched.log.least = 2
    said = watched.is_stopped()
    assert MADE_UP not in said
    assert "Warning" not in said
    assert f"took the place of {ORIGIN} at 20 November 2026" in said
    assert f"Witnesses had seen {size} entries, the backup held {size - 3}, and 3 were lost" in said
    assert "The witnesses that your browser knew" in said
    assert "have signed the new ledger" in said

    assert "Choose who told you" not in said
    assert "this is not your ledger" not in said
    watched.tab.get_by_role("button", name="Accept this ledger and go on").click()
    expect(watched.tab.get_by_text("Choose who told you")).to_be_visible()
    watched.looks_at_error("asked")
    watched.accepts(digits="00000")
    expect(watched.tab.get_by_text("this is not your ledger: don't open it")).to_be_visible()
    watched.looks_at_error("digits")
    watched.sees_all()
    assert not watched.has_accepted()

    watched.accepts()
    expect(watched.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    assert watched.accepted() == {
        "former_key": former.verifier_key.digest.hex(),
        "shown_key": watched.log.verifier_key.digest.hex(),
        "because": ["origin", "key"],
        "declared": True,
        "asked": "officer",
    }
    watched.opens()
    back = watched.log
    watched.log = former
    assert MADE_UP in watched.is_stopped(), "the log that was given up is none to go back to"
    watched.log = back
    watched.opens()


def test_a_restore_that_no_witness_of_hers_signed_is_not_taken_on_its_word(watched: Recipient) -> None:
    former = watched.log
    watched.log = restored(former)
    watched.log.witnesses = watchers("c1", "a1", "a2")  # of the same names
    said = watched.is_stopped()
    assert "took the place of" in said
    assert "have not signed this ledger. Whoever controls the gateway could have written that" in said
    assert "Other witnesses, or fewer, must sign it." in said


def test_without_witnesses_a_declared_restore_rests_on_whom_she_asks(she: Recipient) -> None:
    she.opens()
    she.log = restored(she.log)
    said = she.is_stopped()
    assert "Your browser knows no witness of it" in said
    assert "A witness of the ledger" not in said
    she.accepts()
    expect(she.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    assert (she.accepted()["declared"], she.accepted()["asked"]) == (True, "officer")


def test_two_restores_while_she_was_away_lead_back_to_what_she_knew(she: Recipient) -> None:
    she.opens()
    second = restored(she.log, lost=4)
    for _ in range(6):
        second.add("request.made")
    third = Log(f"{ORIGIN}/epoch-3")
    third.begin_after(second, 7, 6, {})
    third.begun = [second.proof(0)]
    she.log = third
    said = she.is_stopped()
    assert MADE_UP not in said
    assert f"it took the place of {ORIGIN}/epoch-2 at" in said
    assert f"{ORIGIN}/epoch-2 took the place of {ORIGIN} at" in said
    assert "and 4 were lost" in said
    third.begun = [restored(log(ORIGIN)).proof(0)]  # what it is said to have followed was signed by another
    assert "does not hold" in she.is_stopped()


def test_a_ledger_that_was_lost_whole_is_named_by_the_one_that_took_its_place(she: Recipient) -> None:
    she.opens()
    first, she.log = she.log, restored(she.log)
    she.is_stopped()
    she.accepts()
    expect(she.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    lost = f"{she.log.origin}:{len(she.log.openings) - 1}"
    second, third = she.log.origin, Log(f"{ORIGIN}/epoch-3")
    third.begin_after(first, 6, 4, {"lost_lives": [lost]})
    she.log = third
    said = she.is_stopped()
    assert MADE_UP not in said
    assert f"took the place of {ORIGIN} at" in said
    assert f"nothing was left of the ledger your browser trusted: all {lost[-1]} entries of it" in said
    assert "Your browser had seen 1 entry more than that" in said
    third.openings[0] = restored(first, instead={"lost_lives": [f"{second}0:7"]}).openings[0]
    assert MADE_UP in she.is_stopped()


def _of_another(former: Log) -> Log:
    return restored(log("another.example/ledger"))


def _with_another_key(former: Log) -> Log:
    return restored(log(ORIGIN))


def _forked(former: Log) -> Log:
    return restored(former, instead={"witnessed_root": encode(bytes(32))})


def _in_private(former: Log) -> Log:
    made = restored(former)
    salted = made.openings[0].record
    made.openings[0] = type(made.openings[0])(salted, bytes(32))
    made.begun = [made.proof(0)]
    return made


def _another_kind(former: Log) -> Log:
    made = restored(former)
    record = made.openings[0].record.replace("epoch.begun", "request.made")
    made.openings[0] = type(made.openings[0])(record, None)
    return made


def _unsigned(former: Log) -> Log:
    return restored(former, instead={"second_signature": None})


def _signed_twice_by_one(former: Log) -> Log:
    codes = json.loads(restored(former).openings[0].record)["codes"]
    return restored(
        former, instead={f"second_{what}": codes[f"first_{what}"] for what in ("key", "signature")}
    )


def _counted_otherwise(former: Log) -> Log:
    made = restored(former)
    record = made.openings[0].record.replace('"held": ', '"held": 1')
    made.openings[0] = type(made.openings[0])(record, None)
    return made


def _without_numbers(former: Log) -> Log:
    return restored(former, instead={"held": "<b>all of them</b>"})


REPLACED = {
    "it names another log": (_of_another, MADE_UP),
    "it names her log by another key": (_with_another_key, MADE_UP),
    "at the size she saw there were other entries": (_forked, MADE_UP),
    "it is no public entry": (_in_private, "does not hold"),
    "it is of another kind": (_another_kind, "does not hold"),
    "no second officer signed it": (_unsigned, "does not hold"),
    "one officer signed it twice": (_signed_twice_by_one, "does not hold"),
    "it counts other than the officers did": (_counted_otherwise, "does not hold"),
    "it doesn't count": (_without_numbers, "does not hold"),
}


def test_a_first_entry_that_was_replaced_vouches_for_nothing(she: Recipient) -> None:
    she.opens()
    honest = she.log
    for what, (make, words) in REPLACED.items():
        she.log = make(honest)
        said = she.is_stopped()
        assert words in said, what
        assert "made-up ledger" in said, what
        assert "were lost" not in said, what


SWAPPED: dict[str, Callable[[Log, dict[str, Any]], list[str]]] = {
    "altered": lambda shown, answer: [_altered(answer["begun"][0])],
    "of another place": lambda shown, answer: [shown.proof(1)],
    "of another log": lambda shown, answer: [restored(log(ORIGIN)).proof(0)],
    "nothing at all": lambda shown, answer: [""],
}


def _altered(proof: str) -> str:
    """The same proof, with another number of entries lost."""
    head, extra, rest = proof.partition("extra ")
    spelled, line, path = rest.partition("\n")
    record = base64.b64decode(spelled).replace(b'\\"lost\\": 2', b'\\"lost\\": 0')
    assert record != base64.b64decode(spelled)
    return head + extra + base64.b64encode(record).decode() + line + path


def _begun(
    swap: Callable[[Log, dict[str, Any]], list[str]], shown: Log, answer: dict[str, Any]
) -> dict[str, Any]:
    return {"begun": swap(shown, answer)}


def test_a_proof_of_how_it_began_that_does_not_hold_vouches_for_nothing(she: Recipient) -> None:
    she.opens()
    she.log = restored(she.log)
    for what, swap in SWAPPED.items():
        she.spoil = partial(_begun, swap, she.log)
        assert "does not hold" in she.is_stopped(), what


def test_a_declaration_that_counts_too_little_is_told(she: Recipient) -> None:
    she.opens()
    size = len(she.log.openings)
    she.log = restored(she.log, witnessed=size - 3, lost=0)
    said = she.is_stopped()
    assert "Your browser had seen 3 entries more than that, which the declaration doesn't count." in said


def test_a_shorter_log_and_a_fork_at_the_same_size_can_not_be_accepted(she: Recipient) -> None:
    she.opens()
    she.opens()
    honest = she.log
    for entries, what in ((0, "shorter"), (len(honest.openings) - 2, "as long"), (40, "longer")):
        she.log = log(ORIGIN, 0)
        she.log.key = honest.key
        for number in range(entries):
            she.log.add("request.made", codes={"n": str(number)})
        said = she.is_refused()
        assert "history isn't the one this browser saw before" in said, what
        expect(she.step("changed")).to_be_hidden()
        seen = she.saves_what_was_seen("trouble")
        assert [line for line in seen.splitlines() if line == ORIGIN] == [ORIGIN, ORIGIN], "both checkpoints"
        assert seen.count(f"— {ORIGIN} ") == 2, "each signed"
    she.log = honest
    she.opens()


def test_two_tabs_at_once_raise_no_alarm_and_keep_what_is_later(she: Recipient) -> None:
    she.opens()
    waiting: list[tuple[Route, APIResponse]] = []
    she.tab.route("**/hand", lambda route: waiting.append((route, route.fetch())))
    she.tries()
    while not waiting:
        she.tab.wait_for_timeout(20)
    beside = replace(she, tab=she.tab.context.new_page())
    beside.opens()
    size = len(she.log.openings)
    [(route, answer)] = waiting
    route.fulfill(response=answer)
    expect(she.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    seen = she.tab.evaluate(
        "import('/static/js/sealing/keystore.js').then(({ allCheckpoints }) => allCheckpoints())"
        ".then((all) => all.map(({ size }) => size))"
    )
    assert seen == [size]
    she.tab.unroute("**/hand")
    she.opens()


def _nobody(shown: Log) -> None:
    shown.witnesses = {}


def _one_is_enough(shown: Log) -> None:
    shown.least = 1


def _a_swapped_witness(shown: Log) -> None:
    shown.witnesses |= watchers("a2")


def _two_more(shown: Log) -> None:
    shown.witnesses |= watchers("x1", "x2")


def _long_silence(shown: Log) -> None:
    shown.lag_hours = 400.0


WEAKER = {
    "no witness is asked for": (_nobody, "no witness"),
    "one is enough": (_one_is_enough, "1 of c1"),
    "one has another key": (_a_swapped_witness, "Other witnesses, or fewer"),
    "two of one's own are enough": (_two_more, "2 of c1.example/witness"),
    "they may be silent longer": (_long_silence, "may be silent for 400 hours. Before it was 4."),
}


def test_fewer_or_other_witnesses_are_shown_first(watched: Recipient) -> None:
    before, log = kept(watched), watched.log
    honest = dict(log.witnesses), log.least, log.lag_hours
    for what, (weaken, words) in WEAKER.items():
        log.witnesses, log.least, log.lag_hours = dict(honest[0]), honest[1], honest[2]
        weaken(log)
        said = watched.is_stopped()
        assert "This ledger is watched less than before" in said, what
        assert words in said, what
        assert kept(watched) == before, what
    watched.accepts()  # the key is the same: no digits are asked for
    expect(watched.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    assert watched.accepted()["because"] == ["lag"]
    watched.opens()


def test_more_witnesses_are_taken_at_once_and_held_on_to(watched: Recipient) -> None:
    watched.log.least = 3
    watched.opens()
    assert not watched.has_accepted()
    watched.log.least = 2
    assert "watched less than before" in watched.is_stopped()


def test_late_witnesses_are_shown_first_each_time(watched: Recipient) -> None:
    watched.log.watches_itself = False
    watched.log.watch(now() - timedelta(hours=3))
    watched.opens()
    watched.log.watch(now() - timedelta(hours=5))
    said = watched.is_stopped("log_unwatched")
    assert "Nobody outside has confirmed this ledger lately" in said
    assert "more than 4 hours from what this computer's clock says" in said
    watched.accepts("A witness of the ledger")
    expect(watched.tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
    assert watched.accepted() | {"because": ["unwatched"], "asked": "witness"} == watched.accepted()
    watched.is_stopped("log_unwatched")
    watched.log.watch(now() + timedelta(hours=5))
    watched.is_stopped("log_unwatched")


def test_too_few_witnesses_are_none(watched: Recipient) -> None:
    watched.log.watches_itself = False
    for names in ((), ("c1",)):
        watched.log.watch(now(), names)
        assert "have not signed it" in watched.is_stopped("log_unwatched"), names


def test_at_a_first_visit_late_witnesses_are_shown_too(she: Recipient) -> None:
    she.log = log(ORIGIN, witnesses=watchers("c1"))
    she.log.watches_itself = False
    assert "have not signed it" in she.is_stopped("log_unwatched")
    assert kept(she) is None
    she.accepts()
    expect(she.tab.locator('[data-part="first"]')).to_contain_text(fingerprint(she.log))


def test_witnesses_sign_with_either_kind_of_key(she: Recipient) -> None:
    she.log = log(ORIGIN, witnesses=watchers("c1") | {"a1": MLDSA44PrivateKey.generate()})
    she.opens()
    forged = she.log.witnesses["a1"]
    assert isinstance(forged, MLDSA44PrivateKey)
    she.spoil = lambda answer: {"cosigned": _one_byte_off(answer["cosigned"], "a1.example/witness")}
    assert "What the ledger's witnesses signed isn't the ledger you were shown" in she.is_refused()


def _one_byte_off(note: str, name: str) -> str:
    def spoilt(found: re.Match[str]) -> str:
        blob = bytearray(base64.b64decode(found[1]))
        blob[-1] ^= 1
        return f"— {name} {base64.b64encode(bytes(blob)).decode()}"

    return re.sub(rf"— {re.escape(name)} (\S+)", spoilt, note)


def _signed_of_another(she: Recipient) -> Mapping[str, Any]:
    fork = log(ORIGIN, 3, she.log.witnesses)
    fork.key, fork.least = she.log.key, she.log.least
    fork.openings[1] = type(fork.openings[1])('{"kind":"x"}', bytes(32))
    fork.watch(now())
    return {"cosigned": fork.handed_out([], [])["cosigned"]}


LIES: dict[str, Callable[[Recipient], Mapping[str, Any]]] = {
    "the witnesses signed another history": _signed_of_another,
    "a signature of theirs was forged": lambda she: {
        "cosigned": _one_byte_off(she.log.handed_out([], [])["cosigned"], "c1.example/witness")
    },
    "what they signed isn't the log's": lambda she: {"cosigned": str(log("other.example", 3).note())},
    "there is nothing that they signed": lambda she: {"cosigned": None},
}


def _lies(lie: Callable[[Recipient], Mapping[str, Any]], she: Recipient, _: object) -> Mapping[str, Any]:
    return lie(she)


def test_what_the_witnesses_signed_must_be_a_beginning_of_what_she_is_shown(watched: Recipient) -> None:
    for what, lie in LIES.items():
        watched.spoil = partial(_lies, lie, watched)
        said = watched.is_refused()
        assert "What the ledger's witnesses signed isn't the ledger you were shown" in said, what


def test_with_its_storage_cleared_it_is_a_first_visit_again_and_says_so(she: Recipient) -> None:
    she.opens()
    she.tab.evaluate(
        "new Promise((done) => { indexedDB.deleteDatabase('disclosure-gateway').onsuccess = done; })"
    )
    she.log = log("made.up/ledger")
    again = Recipient(she.tab, she.site, KEY, she.log)
    again.tab.goto(f"{again.site.url}/open")
    nothing = again.tab.locator('[data-part="nothing-kept"]')
    expect(nothing).to_contain_text("or its storage was cleared")
    expect(nothing).to_contain_text("It can't tell whether that is the right one")
    again.opens()
    expect(again.tab.locator('[data-part="first"]')).to_contain_text(fingerprint(again.log))


def test_a_browser_that_kept_only_a_checkpoint_holds_on_to_that(tab: Page, site: Site) -> None:
    honest = log(ORIGIN, 4)
    site.pages["/empty"] = "<!doctype html><title>x</title>"
    tab.goto(f"{site.url}/empty")
    tab.evaluate(
        """([origin, root, vkey]) => new Promise((done) => {
            const asked = indexedDB.open("disclosure-gateway", 1);
            asked.onupgradeneeded = () => {
                asked.result.createObjectStore("keys", { keyPath: "kid" });
                const kept = asked.result.createObjectStore("checkpoints", { keyPath: "origin" });
                kept.put({ origin, size: 4, root: new Uint8Array(root), vkey });
            };
            asked.onsuccess = () => { asked.result.close(); done(); };
        })""",
        [ORIGIN, list(honest.root(4)), honest.vkey],
    )
    she = Recipient(tab, site, KEY, log("made.up/ledger"))
    assert MADE_UP in she.is_stopped()
    she.log = honest
    she.opens()
    she.log = log(ORIGIN, 9)
    she.log.key = honest.key
    she.is_refused()


def test_an_earlier_opening_does_not_stand_for_one_that_is_not_recorded(she: Recipient) -> None:
    she.opens()
    she.opens()
    she.records = False
    assert "that you opened it now" in she.is_refused("proof_failed")
    she.records = True
    she.opens()


def test_what_is_not_recorded_is_not_trusted(she: Recipient) -> None:
    she.opens()
    honest = kept(she)
    she.log = restored(she.log)
    she.site.answers["/confirmed"] = lambda _: (503, {"detail": "It isn't recorded."})
    she.is_stopped()
    she.accepts()
    expect(she.step("trouble")).to_contain_text("It isn't recorded.")
    assert kept(she) == honest
    she.is_stopped()


def test_it_holds_where_an_agency_seals_again_too(she: Recipient) -> None:
    new = ECKey.generate_key("P-256")
    she.opens()
    former, she.log = she.log, restored(she.log)
    target = {"parcel": "d" * 32, "line": LINE, "jwk": new.as_dict(private=False)}
    she.spoil = lambda _: {"target": target}
    kid = check_public_jwk(KEY.as_dict(private=False)).kid
    call = f"sealing.reseal('{PARCEL}', '{kid}', '/hand', '/sealed', '/confirmed')"
    she.site.pages["/again"] = page(call, "reseal.js")
    she.site.answers["/sealed"] = lambda _: (200, {})
    she.tab.goto(f"{she.site.url}/again")
    she.tab.get_by_role("button", name="Seal again").click()
    assert fingerprint(former) in she.looks("changed")
    assert not any(path == "/sealed" for path, _ in she.site.posted)
    she.accepts()
    expect(she.tab.get_by_text("It is sealed to the new key")).to_be_visible()
    [sealed] = [sent for path, sent in she.site.posted if path == "/sealed"]
    opened = unpack(jwe.open_sealed(sealed["jwe"], new.as_dict(private=True)))
    assert opened.items[0].data == SENTINEL.encode()


def _never_watched(shown: Log) -> None:
    shown.watches_itself, shown.signed = False, None


# Each check taken out: what it stops then opens. (File, what stands there, what is put there, what the gateway does.)
TAKEN_OUT: dict[str, tuple[str, str, str, Callable[[Recipient], None]]] = {
    "the comparison": (
        "opened.js",
        "kept ? changesFrom(kept, shown) : []",
        "[]",
        lambda she: setattr(she, "log", log("made.up/ledger", witnesses=she.log.witnesses)),
    ),
    "what the log was called": (
        "trust.js",
        "origin: kept.origin !== shown.origin,\n    key: isAnotherKey,",
        "",
        lambda she: setattr(she, "log", log("made.up/ledger", witnesses=she.log.witnesses)),
    ),
    "whether it is recorded now": (
        "opened.js",
        "place < seen.size",
        "false",
        lambda she: setattr(she, "records", False),
    ),
    "the policy": ("trust.js", "policy: isWatchedLess,", "", lambda she: _nobody(she.log)),
    "the lag": ("trust.js", "lag: shown.lagHours > kept.lagHours,", "", lambda she: _long_silence(she.log)),
    "the witnesses": (
        "opened.js",
        "Boolean(watched?.isLate)",
        "false",
        lambda she: _never_watched(she.log),
    ),
}


@pytest.mark.parametrize("what", TAKEN_OUT)
def test_control_with_a_check_taken_out_the_attack_opens(watched: Recipient, what: str) -> None:
    name, stands, put, attack = TAKEN_OUT[what]
    attack(watched)
    _take_out(watched, name, stands, put)
    watched.opens()


def test_control_with_the_officers_signatures_unchecked_anybody_declares_a_restore(she: Recipient) -> None:
    she.opens()
    she.log = _unsigned(she.log)
    _take_out(she, "trust.js", "await checkOfficers(record);", "")
    assert "took the place of" in she.is_stopped()


def _take_out(she: Recipient, name: str, stands: str, put: str) -> None:
    script = (STATIC / "js/sealing" / name).read_text()
    assert stands in script

    def without(route: Route) -> None:
        route.fulfill(body=script.replace(stands, put), content_type="text/javascript")

    she.tab.route(f"**/js/sealing/{name}", without)
