"""PDF: the pages are copied into a new document, and only what is drawn on them comes along."""

from __future__ import annotations

import contextlib
import io
import signal
import zlib
from collections.abc import Iterator

import pikepdf
import pypdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Page, Pdf, Stream

from gateway.sealing.washing.jpeg_segments import strip_jp2, strip_jpeg
from gateway.sealing.washing.washed import Unwashable, Washed

MOST_PAGES = 500
MOST_OBJECTS = 200_000
MOST_UNPACKED = 256 * 1024 * 1024
MOST_TEXT = 2_000_000
_PLENTY = 16 * 1024 * 1024
_MOST_RATIO = 200
_TEXT_SECONDS = 5.0
_CHUNK = 1024 * 1024
_POINT = 1.0

_PRINT_AGAIN = "Print it to PDF, so that only what can be seen is in it, and send that."
_PAGE_KEYS = frozenset(
    {"/Type", "/Parent", "/MediaBox", "/CropBox", "/Rotate", "/Resources", "/Contents", "/UserUnit", "/Group"}
)
# Keys that hold no part of the picture of a page: who made it when with what, what belongs to it, what it does.
_DROPPED_KEYS = (
    "/Metadata", "/PieceInfo", "/LastModified", "/AF", "/AA", "/Alternates", "/OPI", "/OC", "/Properties",
    "/StructParent", "/StructParents", "/Measure", "/PtData", "/ID", "/Thumb", "/Private", "/Name",
)  # fmt: skip
# Marks people draw so that they are seen; they become part of the page. Notes, links and attached files go.
_DRAWN = frozenset(
    {
        "/Widget", "/FreeText", "/Stamp", "/Ink", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Square",
        "/Circle", "/Line", "/Polygon", "/PolyLine",
    }
)  # fmt: skip
# How a stream may be packed (ISO 32000-1, table 6). What another name says can't be unpacked here, so what it hides
# can't be taken out.
_FILTERS = frozenset(
    {
        "/ASCIIHexDecode", "/AHx", "/ASCII85Decode", "/A85", "/LZWDecode", "/LZW", "/FlateDecode", "/Fl",
        "/RunLengthDecode", "/RL", "/CCITTFaxDecode", "/CCF", "/JBIG2Decode", "/DCTDecode", "/DCT", "/JPXDecode",
    }
)  # fmt: skip


def wash_pdf(data: bytes) -> Washed:
    """Give a new PDF of the same pages, and the text on them.

    Taken out: document information, XMP, scripts, attached files, notes, links, bookmarks, forms (their values are
    drawn), thumbnails, earlier versions kept in the file and the metadata of pictures. Raises Unwashable for a
    password, hidden layers, unfinished redactions, forms that only a program can draw, bombs, and streams packed in a
    way that isn't known.
    """
    with _opened(data) as source:
        _check(source)
        look_at = tuple(_cropped(source))
        _flatten(source)
        fresh = Pdf.new()
        fresh.pages.extend(source.pages)
        _strip(fresh)
        out = io.BytesIO()
        fresh.save(
            out,
            object_stream_mode=ObjectStreamMode.generate,
            recompress_flate=True,
            deterministic_id=True,
            fix_metadata_version=False,
        )
    clean = out.getvalue()
    text, whole = _text_of(clean)
    if not whole:
        look_at += ("Not all text in the document could be read: look through it yourself for addresses.",)
    return Washed(
        clean,
        removed=("document information, earlier versions, links and notes",),
        look_at=look_at,
        text=text,
    )


def warm_up() -> None:
    """Wash a small document of our own, so that what the readers load late has been loaded."""
    made = Pdf.new()
    made.add_blank_page(page_size=(200, 200))
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    made.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=font))
    made.pages[0].obj.Contents = made.make_stream(b"BT /F1 12 Tf 20 100 Td (Sample) Tj ET")
    out = io.BytesIO()
    made.save(out)
    wash_pdf(out.getvalue())


def _opened(data: bytes) -> Pdf:
    try:
        return pikepdf.open(io.BytesIO(data), suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise Unwashable("This PDF needs a password.", "Save it without a password and send that.") from error
    except pikepdf.PdfError as error:
        raise Unwashable("This PDF is damaged.") from error


def _check(source: Pdf) -> None:
    if len(source.objects) > MOST_OBJECTS or len(source.pages) > MOST_PAGES:
        raise Unwashable(
            f"This PDF is too long: {MOST_PAGES} pages is the most.", "Send only the pages that are needed."
        )
    if len(source.pages) == 0:
        raise Unwashable("This PDF has no pages.")
    layers = source.Root.get("/OCProperties", Dictionary()).get("/D", Dictionary())
    if len(layers.get("/OFF", Array())) or layers.get("/BaseState", Name.ON) == Name.OFF:
        raise Unwashable("This PDF has hidden layers.", _PRINT_AGAIN)
    if "/XFA" in source.Root.get("/AcroForm", Dictionary()):
        raise Unwashable("This PDF is a form that only its own program can draw.", _PRINT_AGAIN)
    unpacked = 0
    for stream in _streams(source):
        unpacked += _unpacked_length(stream, MOST_UNPACKED - unpacked)


def _streams(pdf: Pdf) -> Iterator[Stream]:
    for each in pdf.objects:
        if isinstance(each, Stream):
            yield each


def _filters(stream: Stream) -> list[str]:
    named = stream.get("/Filter", Array())
    try:
        filters = [str(named)] if isinstance(named, Name) else [str(one) for one in named]
    except (TypeError, UnicodeDecodeError) as error:
        raise Unwashable("This PDF is damaged.", _PRINT_AGAIN) from error
    if not _FILTERS.issuperset(filters):
        raise Unwashable("A part of this PDF is packed in a way that isn't known.", _PRINT_AGAIN)
    return filters


def _unpacked_length(stream: Stream, left: int) -> int:
    filters = _filters(stream)
    if not filters or filters[0] not in {"/FlateDecode", "/Fl"}:
        return 0
    if len(filters) > 1 and filters[1] in {"/FlateDecode", "/Fl"}:
        raise Unwashable("This PDF is packed twice.", _PRINT_AGAIN)
    return sum(len(chunk) for chunk in _inflating(stream, left))


def _inflating(stream: Stream, left: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    packed, length = stream.read_raw_bytes(), 0
    packed_length = len(packed)
    with contextlib.suppress(zlib.error):  # what is broken is left out by the rebuild as well
        while packed and not unpacker.eof:
            chunk = unpacker.decompress(packed, _CHUNK)
            packed, length = unpacker.unconsumed_tail, length + len(chunk)
            if length > min(left, max(_PLENTY, _MOST_RATIO * packed_length)):
                raise Unwashable("This PDF unpacks to more than it may.", _PRINT_AGAIN)
            yield chunk


def _cropped(source: Pdf) -> Iterator[str]:
    for number, page in enumerate(source.pages, 1):
        whole, seen = [float(edge) for edge in page.mediabox], [float(edge) for edge in page.cropbox]
        if any(abs(one - other) > _POINT for one, other in zip(whole, seen, strict=True)):
            yield f"Page {number} is cropped: what lies outside the visible part is still in the file."


def _flatten(source: Pdf) -> None:
    for page in source.pages:
        annotations = page.obj.get("/Annots", Array())
        kinds = [str(one.get("/Subtype", Name.Unknown)) for one in annotations if isinstance(one, Dictionary)]
        if "/Redact" in kinds:
            raise Unwashable(
                "This PDF holds redactions that were marked but not carried out.",
                "Apply the redactions, then print it to PDF and send that.",
            )
        drawn = [
            one for one in annotations if isinstance(one, Dictionary) and str(one.get("/Subtype")) in _DRAWN
        ]
        page.obj["/Annots"] = Array(drawn)
    if "/AcroForm" in source.Root:
        source.generate_appearance_streams()
    source.flatten_annotations("screen")


def _strip(pdf: Pdf) -> None:
    for page in pdf.pages:
        _strip_page(page)
    for each in pdf.objects:
        if isinstance(each, Stream | Dictionary):
            _strip_object(each)
    for stream in list(_streams(pdf)):
        _strip_picture(stream)


def _strip_page(page: Page) -> None:
    for key in [key for key in page.obj.keys() if key not in _PAGE_KEYS]:  # noqa: SIM118 - not a dict
        del page.obj[key]


def _strip_object(each: Stream | Dictionary) -> None:
    for key in _DROPPED_KEYS:
        if key in each:
            del each[key]


def _strip_picture(stream: Stream) -> None:
    filters = _filters(stream)
    if not filters or filters[-1] not in {"/DCTDecode", "/DCT", "/JPXDecode"}:
        return
    if filters[:-1] == []:
        picture = stream.read_raw_bytes()
    elif filters[:-1] == ["/FlateDecode"]:
        picture = b"".join(_inflating(stream, MOST_UNPACKED))
    else:
        raise Unwashable("A picture in this document is packed in a way that can't be cleaned.", _PRINT_AGAIN)
    stripped = strip_jp2(picture) if filters[-1] == "/JPXDecode" else strip_jpeg(picture)
    stream.write(stripped, filter=Name(filters[-1]))


def _text_of(clean: bytes) -> tuple[str, bool]:
    pages: list[str] = []
    try:
        with _at_most(_TEXT_SECONDS):
            for page in pypdf.PdfReader(io.BytesIO(clean)).pages:
                pages.append(page.extract_text())  # noqa: PERF401 - what was read before the time is over counts
    except Exception:  # noqa: BLE001 - a text that can't be read is said to be unread; the document is clean all the same
        return "\n".join(pages)[:MOST_TEXT], False
    text = "\n".join(pages)
    return text[:MOST_TEXT], len(text) <= MOST_TEXT


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
