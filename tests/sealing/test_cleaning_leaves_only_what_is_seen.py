"""Promise: a released file holds what its reader can see, and nothing that says where, when or by whom it was made."""

from __future__ import annotations

import io
import zipfile
from functools import cache

import pikepdf
import pytest
from PIL import Image

from gateway.errors import Invalid
from gateway.sealing.clean import Limits, clean
from gateway.sealing.washing.docx import wash_docx
from gateway.sealing.washing.pdf import wash_pdf
from gateway.sealing.washing.picture import wash_jpeg, wash_png
from gateway.sealing.washing.washed import Washed
from tests.sealing import corpus
from tests.sealing.corpus import SEEN, SENTINEL
from tests.sealing.search import holds

FILES: dict[str, dict[str, bytes]] = {
    "pdf": corpus.pdfs(),
    "docx": corpus.docxs(),
    "jpg": corpus.jpegs(),
    "png": corpus.pngs(),
}
ALL = [(ending, what) for ending, files in FILES.items() for what in files]


WASH = {"pdf": wash_pdf, "docx": wash_docx, "jpg": wash_jpeg, "png": wash_png}
# One of each through the limited process as well; `make assure` sends all of them through it.
APART = [
    ("pdf", "picture with exif"),
    ("docx", "place in a picture"),
    ("jpg", "place in exif"),
    ("png", "exif"),
]


@cache
def cleaned(ending: str, what: str) -> Washed:
    return WASH[ending](FILES[ending][what])


@pytest.mark.parametrize(("ending", "what"), ALL)
def test_what_is_hidden_in_a_file_does_not_leave(ending: str, what: str) -> None:
    assert holds(FILES[ending][what], SENTINEL), "the control: the search finds it in the file that was sent"
    result = cleaned(ending, what)
    assert not holds(result.data, SENTINEL)
    assert SENTINEL not in result.text


def came_clean(ending: str, what: str) -> None:
    # The name of a file is a place where people write the name of a person.
    result = clean(FILES[ending][what], f"{SENTINEL}.{ending}")
    assert not holds(result.data, SENTINEL)
    assert result.text == cleaned(ending, what).text
    assert result.name in {"document.pdf", "document.docx", "picture.jpg", "picture.png"}


@pytest.mark.parametrize(("ending", "what"), APART)
def test_the_limited_process_does_the_same(ending: str, what: str) -> None:
    came_clean(ending, what)


@pytest.mark.assure
@pytest.mark.parametrize(("ending", "what"), ALL)
def test_the_limited_process_does_the_same_for_every_file(ending: str, what: str) -> None:
    came_clean(ending, what)


@pytest.mark.parametrize("what", FILES["pdf"])
def test_a_pdf_still_shows_its_pages(what: str) -> None:
    result = cleaned("pdf", what)
    with pikepdf.open(io.BytesIO(result.data)) as opened:
        assert len(opened.pages) == 1
        assert [float(edge) for edge in opened.pages[0].mediabox] == [0, 0, 400, 300]
    assert SEEN in result.text


def test_the_value_of_a_form_is_drawn_on_the_page() -> None:
    result = cleaned("pdf", "form field that is empty now")
    assert "now" in result.text


@pytest.mark.parametrize("what", ["picture with exif", "packed picture with exif"])
def test_a_picture_in_a_pdf_is_the_same_picture(what: str) -> None:
    with pikepdf.open(io.BytesIO(cleaned("pdf", what).data)) as opened:
        stream = opened.pages[0].obj.Resources.XObject.Im
        assert isinstance(stream, pikepdf.Stream)
        image = pikepdf.PdfImage(stream).as_pil_image()
        assert image.size == (64, 48)
        seen = image.getpixel((9, 9))
        assert isinstance(seen, tuple)
        assert max(abs(a - b) for a, b in zip(seen, (10, 120, 200), strict=True)) < 6


@pytest.mark.parametrize("what", FILES["docx"])
def test_a_word_document_still_reads_the_same(what: str) -> None:
    result = cleaned("docx", what)
    assert SEEN in result.text
    with zipfile.ZipFile(io.BytesIO(result.data)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        types = archive.read("[Content_Types].xml").decode()
        parts = [name for name in archive.namelist() if not name.endswith((".rels", "[Content_Types].xml"))]
        assert all(f'PartName="/{name}"' in types for name in parts)
        assert SEEN in archive.read("word/document.xml").decode()


def test_what_was_inserted_or_linked_stays_as_text() -> None:
    for what in ("author of a change", "simple field", "link"):
        assert "x" in cleaned("docx", what).text.replace(SEEN, "")


@pytest.mark.parametrize(("ending", "kind"), [("jpg", "JPEG"), ("png", "PNG")])
def test_a_picture_is_still_the_picture(ending: str, kind: str) -> None:
    for what in FILES[ending]:
        with Image.open(io.BytesIO(cleaned(ending, what).data)) as image:
            assert (image.format, image.size) == (kind, (64, 48))
            assert not image.getexif()
            assert not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_picture_taken_sideways_stands_upright() -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    result = clean(corpus.picture(exif=tags.tobytes()), "a.jpg")
    with Image.open(io.BytesIO(result.data)) as image:
        assert image.size == (48, 64)


def test_the_holder_is_told_what_was_taken_out_and_what_to_look_at() -> None:
    assert "tracked changes" in cleaned("docx", "deleted text").removed
    assert "comments" in cleaned("docx", "comment").removed
    assert "hidden text" in cleaned("docx", "hidden text").removed
    assert cleaned("jpg", "xmp").look_at
    crop = '<a:srcRect l="25000"/>'
    parts = {"word__media__i_dot_png": corpus.picture("PNG")}
    cropped = clean(
        corpus.docx(corpus.drawing("r1", "a", crop), (("r1", "image", "media/i.png"),), **parts), "a.docx"
    )
    assert any("cropped" in sentence for sentence in cropped.look_at)
    with pikepdf.open(io.BytesIO(corpus.pdf())) as opened:
        opened.pages[0].cropbox = pikepdf.Array([0, 0, 100, 100])
        assert any("cropped" in said for said in clean(corpus.saved(opened), "a.pdf").look_at)


def test_text_holds_no_character_that_turns_or_hides_it() -> None:
    hidden = "a\u202eb\u200bc\u2066d\ufeffe\u00adf\x00".replace("\x00", "\x07") + "\U000e0041"
    result = clean(hidden.encode(), "a.txt")
    assert result.data == b"abcdef"
    assert result.removed


@pytest.mark.parametrize(
    "text", ["caf\u00e9\n", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "line\tone\nline two"]
)
def test_text_that_people_write_is_kept(text: str) -> None:
    result = clean(text.encode(), "a.txt")
    assert result.data.decode() == text
    assert not result.removed


def test_text_from_older_programs_is_understood() -> None:
    assert clean("caf\u00e9\r\n".encode("cp1252"), "a.txt").text == "caf\u00e9\n"
    assert clean("caf\u00e9".encode("utf-16"), "a.TXT").text == "caf\u00e9"


def test_a_file_over_the_limit_is_refused_at_once() -> None:
    with pytest.raises(Invalid, match="too large"):
        clean(bytes(2048), "a.pdf", Limits(file_bytes=1024))
