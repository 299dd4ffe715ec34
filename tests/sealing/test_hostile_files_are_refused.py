"""Promise: a file made to harm is refused, saying what to send instead, by a process that can do nothing else."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, String

from gateway.errors import Invalid
from gateway.sealing.clean import Limits, clean
from gateway.sealing.washing.docx import wash_docx
from gateway.sealing.washing.pdf import wash_pdf
from gateway.sealing.washing.picture import wash_jpeg, wash_png
from gateway.sealing.washing.washed import Unwashable
from tests.sealing import corpus
from tests.sealing.corpus import SENTINEL, docx

ROOT = Path(__file__).resolve().parents[2]
# Half of what cleaning may take: a bomb is refused by what it says it is, not by the memory it would eat.
SMALL = Limits(seconds=300, memory_bytes=512 * 1024 * 1024)


@pytest.mark.parametrize(
    ("name", "data", "because"),
    [
        ("a.png", corpus.png_of(60_000, 60_000), "too large"),
        ("a.pdf", corpus.pdf_bomb(), "unpacks to more"),
        ("a.docx", corpus.docx_bomb(), "unpacks to more"),
        ("a.docx", corpus.xml_bomb(), "definitions that no Word document needs"),
    ],
)
def test_a_bomb_is_refused_before_it_goes_off(name: str, data: bytes, because: str) -> None:
    with pytest.raises(Invalid, match=because) as refused:
        clean(data, name, SMALL)
    assert refused.value.next_step
    assert refused.value.fields["file"]


@pytest.mark.parametrize("name", ["a.exe", "a.svg", "a.html", "a.xlsx", "a.zip", "a", "a.docm", "a.pdf.js"])
def test_other_kinds_of_file_are_refused_with_what_to_send(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean(b"content", name)
    assert "PDF" in refused.value.next_step


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", corpus.picture("JPEG")),
        ("a.jpg", corpus.picture("PNG")),
        ("a.txt", corpus.pdf()),
        ("a.pdf", b"<script>alert(1)</script>"),
        ("a.docx", corpus.pdf()),
        ("a.pdf", docx()),
        ("a.txt", b"\x00\x01\x02"),
        ("a.txt", b""),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(Invalid):
        clean(data, name)


def _pdf(spoil: object) -> bytes:
    made = Pdf.new()
    corpus.page_of(made)
    spoil(made)  # type: ignore[operator]
    return corpus.saved(made)


def _hidden_layer(made: Pdf) -> None:
    layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("a")))
    made.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))


def _redaction(made: Pdf) -> None:
    mark = made.make_indirect(Dictionary(Type=Name.Annot, Subtype=Name.Redact, Rect=Array([1, 1, 9, 9])))
    made.pages[0].obj.Annots = Array([mark])


def _program_form(made: Pdf) -> None:
    made.Root.AcroForm = Dictionary(Fields=Array([]), XFA=String("<x/>"))


def test_a_pdf_that_hides_what_it_shows_is_refused() -> None:
    for spoil, because in ((_hidden_layer, "layers"), (_redaction, "redactions"), (_program_form, "form")):
        with pytest.raises(Unwashable, match=because):
            wash_pdf(_pdf(spoil))
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(corpus.pdf())) as opened:
        opened.save(locked, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(Unwashable, match="password"):
        wash_pdf(locked.getvalue())


REFUSED_DOCX = {
    "macros": docx(word__vbaProject_dot_bin=b"x"),
    "outside": docx("", (("r1", "attachedTemplate", "https://example.org/t.dotm"),)),
    "embedded": docx("", (("r1", "oleObject", "embeddings/o.bin"),), word__embeddings__o_dot_bin=b"x"),
    "embedded object, chart": docx("", (("r1", "chart", "charts/c.xml"),), word__charts__c_dot_xml=b"<a/>"),
    "can't be cleaned": docx("", (("r1", "image", "media/i.emf"),), word__media__i_dot_emf=b"x"),
    "lacks": docx("", (("r1", "image", "media/none.png"),)),
    "isn't a Word document": corpus.archive({"a.txt": b"x"}),
    "damaged": docx(word__document_dot_xml="<w:broken"),
}


@pytest.mark.parametrize("because", REFUSED_DOCX)
def test_a_word_document_that_carries_more_than_words_is_refused(because: str) -> None:
    with pytest.raises(Unwashable, match=because) as refused:
        wash_docx(REFUSED_DOCX[because])
    assert SENTINEL not in refused.value.because
    assert refused.value.instead


@given(data=st.binary(max_size=400))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for start, wash in (
        (b"%PDF-1.7\n", wash_pdf),
        (b"\xff\xd8\xff", wash_jpeg),
        (b"\x89PNG\r\n\x1a\n", wash_png),
    ):
        with pytest.raises(Unwashable):
            wash(start + data)
    with pytest.raises(Unwashable):
        wash_docx(b"PK\x03\x04" + data)


@pytest.mark.parametrize("name", [b"/DCTDecodf", b"/XCTDecode", b"/\xc4CTDecode", b"9DCTDecode"])
def test_a_picture_packed_in_an_unknown_way_is_refused(name: bytes) -> None:
    """Else what a camera wrote into it would stay there, unseen by whoever cleans."""
    whole = corpus.pdfs()["picture with exif"]
    assert whole.count(b"/DCTDecode") == 1
    with pytest.raises(Unwashable):
        wash_pdf(whole.replace(b"/DCTDecode", name))


def test_a_picture_in_a_pdf_that_is_damaged_anywhere_before_its_scan_keeps_nothing() -> None:
    """Else a segment that can't be read would stay as it is, with what a camera wrote into it."""
    whole = corpus.pdfs()["picture with exif"]
    begins = whole.index(b"\xff\xd8\xff\xe0")
    for at in range(begins, whole.index(SENTINEL.encode())):
        for bit in range(8):
            broken = bytearray(whole)
            broken[at] ^= 1 << bit
            with contextlib.suppress(Unwashable):
                assert SENTINEL.encode() not in wash_pdf(bytes(broken)).data, (at, bit)


@given(at=st.integers(0, 3000), bit=st.integers(0, 7), which=st.sampled_from(["pdf", "docx", "jpg", "png"]))
def test_a_damaged_file_is_cleaned_or_refused(at: int, bit: int, which: str) -> None:
    whole, wash = {
        "pdf": (corpus.pdfs()["picture with exif"], wash_pdf),
        "docx": (corpus.docxs()["comment"], wash_docx),
        "jpg": (corpus.jpegs()["place in exif"], wash_jpeg),
        "png": (corpus.pngs()["text chunks"], wash_png),
    }[which]
    broken = bytearray(whole)
    broken[at % len(broken)] ^= 1 << bit
    try:
        washed = wash(bytes(broken))
    except Unwashable:
        return
    assert SENTINEL.encode() not in washed.data


_MEMORY = 1 << 28  # bytes: what the process may have in all
ATTEMPTS = {
    "read a file": "open('/etc/hostname').read()",
    "write a file": "open('/tmp/gateway-cleaning-test', 'w').write('x')",
    "connect": "__import__('socket').socket()",
    "start a process": "__import__('os').pipe()",
    "take all memory": f"bytearray({_MEMORY})",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_cleaning_process_can_do_nothing_else(attempt: str) -> None:
    script = (
        "import sys, io, os, socket; sys.path.insert(0, sys.argv[1])\n"
        "from gateway.sealing.washing import child, washed\n"
        "def wash(data):\n"
        "    try:\n"
        f"        {ATTEMPTS[attempt]}\n"
        "    except (OSError, MemoryError):\n"
        "        return washed.Washed(b'prevented')\n"
        "    return washed.Washed(b'done')\n"
        "child._washer = lambda kind: wash\n"
        f"child.main(['pdf', '5', '{_MEMORY}'], io.BytesIO(b''), sys.stdout.buffer)\n"
    )
    free = script.replace("child.main(", "print(wash(b'').data) or (lambda *_: 0)(")
    told = [
        subprocess.run([sys.executable, "-I", "-c", code, str(ROOT)], capture_output=True, check=False).stdout
        for code in (script, free)
    ]
    assert told[0].endswith(b"prevented")
    assert b"done" in told[1], "the control: without the limits it can be done"


def test_a_process_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sealing.clean._START", "import time; time.sleep(60)")
    with pytest.raises(Invalid, match="too long"):
        clean(corpus.pdf(), "a.pdf", Limits(seconds=1))


def test_a_process_that_dies_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sealing.clean._START", "import os; os.abort()")
    with pytest.raises(Invalid, match="damaged"):
        clean(corpus.pdf(), "a.pdf")
