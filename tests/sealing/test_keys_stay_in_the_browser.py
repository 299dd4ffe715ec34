"""Promise: private keys are made in the browser and stay there; what was sealed opens there, if the proofs hold."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from joserfc.jwk import ECKey
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from gateway.sealing import jwe
from gateway.sealing.envelope import BUCKETS, Envelope, Item, pack, unpack
from gateway.sealing.public_key import check_public_jwk
from gateway.web.security import OPENING_POLICY, POLICY
from tests.sealing.browser import Log, Site, page, serving

pytestmark = pytest.mark.browser

PARCEL = "a" * 32
LINE = "b" * 32
# The gateway's policy, and Trusted Types as strict as they can be.
STRICTEST = OPENING_POLICY + "; require-trusted-types-for 'script'; trusted-types gateway-worker"
SENTINEL = "She moved to 4 Sentinel Court"


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    profile = browser.new_context(accept_downloads=True)
    tab = profile.new_page()
    faults: list[str] = []
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    yield tab
    profile.close()
    assert not faults


class Enrolment:
    """Takes public keys and challenges them, as the gateway does."""

    def __init__(self, site: Site) -> None:
        self.jwks: list[dict[str, str]] = []
        self.secrets: list[str] = []
        site.pages["/keys"] = page(
            "sealing.make_keys('/enrol', '/prove') ~ sealing.restore_keys()", "keys.js"
        )
        site.answers["/enrol"] = self.enrol
        site.answers["/prove"] = self.prove

    def enrol(self, sent: Any) -> tuple[int, Any]:
        self.jwks = sent["keys"]
        publics = [check_public_jwk(jwk) for jwk in self.jwks]
        self.secrets = [f"secret-{public.kid}" for public in publics]
        challenges = [
            {"key_id": str(n), "kid": public.kid, "place": "first", "jwe": jwe.seal(public, secret.encode())}
            for n, (public, secret) in enumerate(zip(publics, self.secrets, strict=True))
        ]
        return 200, {"challenges": challenges}

    def prove(self, sent: Any) -> tuple[int, Any]:
        right = [one["answer"] for one in sent["answers"]] == self.secrets
        return (200, {}) if right else (422, {"detail": "wrong"})


def make_keys(tab: Page, site: Site, folder: Path) -> tuple[Enrolment, list[str], Path]:
    enrolment = Enrolment(site)
    tab.goto(f"{site.url}/keys")
    tab.get_by_role("button", name="Make my keys").click()
    words = tab.locator("[data-part=words] li")
    expect(words).to_have_count(10)
    said = words.all_inner_texts()
    with tab.expect_download() as saving:
        tab.get_by_role("link", name="Save the backup file").click()
    backup = folder / "backup.jwe"
    saving.value.save_as(backup)
    tab.get_by_role("button", name="I have saved").click()
    for n in range(3):
        place = int(tab.locator("[data-part=place]").nth(n).inner_text())
        tab.locator("[data-part=word]").nth(n).fill(said[place - 1].upper())
    tab.get_by_role("button", name="Continue").click()
    expect(tab.locator("[data-gateway=make-keys] [data-step=done]")).to_be_visible()
    return enrolment, said, backup


class Handing:
    """Hands out one parcel with its proofs, as the gateway does; a test may spoil any part of it."""

    def __init__(
        self, site: Site, jwk: dict[str, str], items: tuple[Item, ...], log: Log, *, packed_as: str = PARCEL
    ) -> None:
        self.log = log
        public = check_public_jwk(jwk)
        self.jwe = jwe.seal(public, pack(Envelope(packed_as, LINE, items, ("Not in front of him",))))
        self.spoil: dict[str, Any] = {}
        for _ in range(6):
            log.add("log.viewed")
        self.released = log.add(
            "release.made", refs={"parcel": PARCEL}, codes={"parcel_digest": jwe.digest(self.jwe)}
        )
        site.pages["/open"] = page(
            f"sealing.open_parcel('{PARCEL}', '{public.kid}', '/hand', '/failed', '/confirmed')", "open.js"
        )
        site.answers["/hand"] = self.hand
        site.answers["/failed"] = site.answers["/confirmed"] = lambda _: (200, {})

    def hand(self, sent: Any) -> tuple[int, Any]:
        opened = self.log.add("parcel.opened", refs={"parcel": PARCEL})
        handed = self.log.handed_out(sent["seen"], [self.released, opened])
        return 200, {"parcel": PARCEL, "jwe": self.jwe} | handed | self.spoil


def open_it(tab: Page, site: Site) -> None:
    tab.goto(f"{site.url}/open")
    tab.get_by_role("button", name="Open").click()


def refused(tab: Page, site: Site, reason: str) -> str:
    """Open it, wait until the page has reported the reason, and give what it says."""
    with tab.expect_response(f"{site.url}/failed"):
        open_it(tab, site)
    assert site.posted[-1] == ("/failed", {"reason": reason})
    return trouble(tab)


def trouble(tab: Page) -> str:
    shown = tab.locator("[data-part=trouble]")
    expect(shown).to_be_visible()
    return shown.inner_text()


def a_pdf() -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(300, 200))
    font = pikepdf.Dictionary(
        Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
    )
    pdf.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    pdf.pages[0].Contents = pdf.make_stream(b"BT /F1 24 Tf 20 100 Td (Page of a report) Tj ET")
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(out, "PNG")
    return out.getvalue()


ITEMS = (
    Item("text/plain; charset=utf-8", "text-1.txt", SENTINEL.encode()),
    Item("application/pdf", "document-2.pdf", a_pdf()),
    Item("image/png", "picture-3.png", a_picture()),
    Item(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document-4.docx",
        b"x",
        "Words",
    ),
)


def test_the_whole_way_from_making_keys_to_reading(tab: Page, tmp_path: Path) -> None:
    with serving(Site(), policy=STRICTEST) as site:
        enrolment, words, backup = make_keys(tab, site, tmp_path)
        first = enrolment.jwks[0]
        assert set(first) == {"kty", "crv", "x", "y"}
        shown = tab.locator("[data-part=first]").inner_text()
        assert shown == check_public_jwk(first).fingerprint
        Handing(site, first, ITEMS, Log())
        open_it(tab, site)
        expect(tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
        expect(tab.locator("canvas")).to_have_count(1)
        expect(tab.get_by_text("Text of page 1")).to_be_visible()
        expect(tab.locator("details .app-opened__text")).to_have_text("Page of a report")
        expect(tab.locator("img")).to_have_js_property("naturalWidth", 20)
        expect(tab.get_by_text("Not in front of him")).to_be_visible()
        drawn = tab.locator("canvas").evaluate(
            "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v < 128)"
        )
        assert drawn
        tab.get_by_role("button", name="Close it").click()
        assert SENTINEL not in tab.content()
        sent = json.dumps(site.posted)
        assert '"d"' not in sent
        assert not any(word in sent for word in (" ".join(words), backup.read_text()))
        assert all(asked.startswith(("/static/", "/keys", "/open", "/favicon")) for asked in site.asked)


def test_a_lost_key_is_restored_from_its_backup_and_reads_again(
    browser: Browser, tab: Page, tmp_path: Path
) -> None:
    with serving(Site()) as site:
        enrolment, words, backup = make_keys(tab, site, tmp_path)
        log = Log()
        wiped = browser.new_context().new_page()
        Handing(site, enrolment.jwks[0], ITEMS[:1], log)
        assert "Restore your keys" in refused(wiped, site, "no_key")
        wiped.goto(f"{site.url}/keys")
        wiped.locator("[data-part=file]").set_input_files(backup)
        wiped.locator("[data-part=typed]").fill(", ".join(words))
        wiped.get_by_role("button", name="Restore my keys").click()
        expect(wiped.locator("[data-part=restored] li")).to_have_count(2)
        for jwk in enrolment.jwks:
            Handing(site, jwk, ITEMS[:1], log)
            open_it(wiped, site)
            expect(wiped.locator(".app-opened__text").first).to_have_text(SENTINEL)
        wiped.context.close()


def test_wrong_words_restore_nothing(tab: Page, tmp_path: Path) -> None:
    with serving(Site(), policy=POLICY) as site:
        _, words, backup = make_keys(tab, site, tmp_path)
        tab.goto(f"{site.url}/keys")
        tab.locator("[data-part=file]").set_input_files(backup)
        tab.locator("[data-part=typed]").fill(
            " ".join([*words[:9], "zebra" if words[9] != "zebra" else "abacus"])
        )
        tab.get_by_role("button", name="Restore my keys").click()
        expect(tab.get_by_text("don't fit this backup file")).to_be_visible()


def test_no_script_can_read_the_stored_key_out(tab: Page, tmp_path: Path) -> None:
    with serving(Site()) as site:
        make_keys(tab, site, tmp_path)
        extractable = tab.evaluate(
            """() => new Promise((resolve, reject) => {
                const asked = indexedDB.open("disclosure-gateway");
                asked.onsuccess = () => {
                    const all = asked.result.transaction("keys").objectStore("keys").getAll();
                    all.onsuccess = () => { asked.result.close(); resolve(all.result.map((k) => k.key.extractable)); };
                };
                asked.onerror = () => reject(asked.error);
            })"""
        )
        assert extractable
        assert not any(extractable)


def _another_parcel(handing: Handing, jwk: dict[str, str]) -> dict[str, Any]:
    return {"jwe": jwe.seal(check_public_jwk(jwk), pack(Envelope(PARCEL, LINE, ITEMS[:1])))}


def _moved(handing: Handing, _: dict[str, str]) -> dict[str, Any]:
    moved = handing.log.proof(handing.released).replace("index 6", "index 5")
    return {"proofs": [moved, moved]}


def _of_two_releases(handing: Handing, _: dict[str, str]) -> dict[str, Any]:
    """One entry knows the content and another the parcel: neither says that this is in that."""
    add, digest = handing.log.add, jwe.digest(handing.jwe)
    entries = [
        add("release.made", refs={"parcel": "e" * 32}, codes={"parcel_digest": digest}),
        add("release.made", refs={"parcel": PARCEL, "copy": "e" * 32}, codes={"copy_digest": digest}),
        add("parcel.opened", refs={"parcel": PARCEL}),
    ]
    return handing.log.handed_out([], entries)


SPOILT: dict[str, Callable[[Handing, dict[str, str]], dict[str, Any]]] = {
    "no proofs": lambda handing, jwk: {"proofs": []},
    "no proof of the opening": lambda handing, jwk: {"proofs": [handing.log.proof(handing.released)]},
    "a proof of another entry": _moved,
    "no key of the log": lambda handing, jwk: {"policy": "quorum none\n"},
    "another key of the log": lambda handing, jwk: {"policy": Log().policy},
    "no policy": lambda handing, jwk: {"policy": f"log {handing.log.vkey}\n"},
    "no limit to the silence of witnesses": lambda handing, jwk: {"lag_hours": None},
    "another parcel": _another_parcel,
    "a content and a parcel of two releases": _of_two_releases,
}


def test_nothing_is_shown_when_the_proofs_do_not_hold(tab: Page, tmp_path: Path) -> None:
    with serving(Site()) as site:
        enrolment, _, _ = make_keys(tab, site, tmp_path)
        handing = Handing(site, enrolment.jwks[0], ITEMS[:1], Log())
        for what, spoil in SPOILT.items():
            handing.spoil = spoil(handing, enrolment.jwks[0])
            assert "Nothing is shown" in refused(tab, site, "proof_failed"), what
            expect(tab.locator("[data-step=trouble]")).to_be_focused()
            assert SENTINEL not in tab.content()
        handing.spoil = {}
        open_it(tab, site)
        expect(tab.locator(".app-opened__text").first).to_have_text(SENTINEL)


def test_a_parcel_put_in_the_place_of_another_is_refused(tab: Page, tmp_path: Path) -> None:
    with serving(Site()) as site:
        enrolment, _, _ = make_keys(tab, site, tmp_path)
        handing = Handing(site, enrolment.jwks[0], ITEMS[:1], Log(), packed_as="c" * 32)
        assert handing.jwe
        assert "another parcel" in refused(tab, site, "proof_failed")


def test_a_history_that_changed_is_refused(tab: Page, tmp_path: Path) -> None:
    with serving(Site()) as site:
        enrolment, _, _ = make_keys(tab, site, tmp_path)
        log = Log()
        Handing(site, enrolment.jwks[0], ITEMS[:1], log)
        for _ in range(3):
            open_it(tab, site)
            expect(tab.locator(".app-opened__text").first).to_have_text(SENTINEL)
        rewritten = Log()
        rewritten.key = log.key
        Handing(site, enrolment.jwks[0], ITEMS[:1], rewritten)
        assert "history" in refused(tab, site, "log_changed"), "shorter than what was seen"
        for _ in range(9):
            rewritten.add("request.made")
        assert "history" in refused(tab, site, "log_changed"), "longer, and another beginning"


def test_what_was_sealed_is_sealed_again_in_the_browser(tab: Page, tmp_path: Path) -> None:
    new = ECKey.generate_key("P-256")
    with serving(Site()) as site:
        enrolment, _, _ = make_keys(tab, site, tmp_path)
        handing = Handing(site, enrolment.jwks[0], ITEMS[:2], Log())
        target = {"parcel": "d" * 32, "line": LINE, "jwk": new.as_dict(private=False)}
        handing.spoil = {"target": target}
        kid = check_public_jwk(enrolment.jwks[0]).kid
        site.pages["/again"] = page(
            f"sealing.reseal('{PARCEL}', '{kid}', '/hand', '/sealed', '/confirmed')", "reseal.js"
        )
        site.answers["/sealed"] = lambda _: (200, {})
        tab.goto(f"{site.url}/again")
        tab.get_by_role("button", name="Seal again").click()
        expect(tab.get_by_text("It is sealed to the new key")).to_be_visible()
        path, sent = site.posted[-1]
        assert path == "/sealed"
        opened = unpack(jwe.open_sealed(sent["jwe"], new.as_dict(private=True)))
        assert (opened.parcel_id, opened.items) == ("d" * 32, ITEMS[:2])
        assert jwe.check_sealed(sent["jwe"], check_public_jwk(new.as_dict(private=False))) in BUCKETS
