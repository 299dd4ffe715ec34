"""Files as people send them, each with a sentinel where nobody looks; made here, so that none is in the repository."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image, PngImagePlugin

SENTINEL = "14 Sentinel Mews ZZ99 3VX"
SEEN = "Attended on Tuesday"

_JPEG_START = 2
_GPS_TAG = 0x8825
_SOFTWARE = 0x0131
_USER_COMMENT = 0x9286


def picture(kind: str = "JPEG", **options: Any) -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", (64, 48), (10, 120, 200))
    image.save(out, kind, **options)
    return out.getvalue()


def exif() -> bytes:
    tags = Image.Exif()
    tags[_SOFTWARE] = SENTINEL
    tags.get_ifd(_GPS_TAG).update({1: "N", 2: (51.0, 30.0, 0.0), 3: "W", 4: (0.0, 7.0, 0.0), 29: SENTINEL})
    tags.get_ifd(0x8769)[_USER_COMMENT] = SENTINEL.encode()
    return tags.tobytes()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:_JPEG_START] + b"".join(segments) + jpeg[_JPEG_START:]


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def pngs() -> dict[str, bytes]:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SENTINEL)
    text.add_itxt("XML:com.adobe.xmp", f"<x>{SENTINEL}</x>")
    text.add_text("Location", SENTINEL, zip=True)
    return {
        "text chunks": picture("PNG", pnginfo=text),
        "exif": picture("PNG", exif=exif()),
        "after the end": picture("PNG") + SENTINEL.encode(),
        "a zip behind it": picture("PNG") + archive({"a.txt": SENTINEL.encode()}),
    }


def jpegs() -> dict[str, bytes]:
    plain = picture()
    inner = with_segments(picture(), segment(0xFE, SENTINEL.encode()))
    return {
        "place in exif": picture(exif=exif()),
        "xmp": with_segments(plain, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SENTINEL.encode())),
        "iptc": with_segments(plain, segment(0xED, b"Photoshop 3.0\0" + SENTINEL.encode())),
        "comment": with_segments(plain, segment(0xFE, SENTINEL.encode())),
        "thumbnail": with_segments(plain, segment(0xE1, b"Exif\0\0" + inner)),
        "colour profile": picture(icc_profile=SENTINEL.encode() * 9),
        "after the end": plain + SENTINEL.encode(),
        "a second picture behind it": plain + inner,
        "a zip behind it": plain + archive({"a.txt": SENTINEL.encode()}),
    }


def page_of(pdf: Pdf, words: str = SEEN) -> None:
    pdf.add_blank_page(page_size=(400, 300))
    page = pdf.pages[-1].obj
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    page.Resources = Dictionary(Font=Dictionary(F1=font))
    page.Contents = pdf.make_stream(f"BT /F1 18 Tf 20 200 Td ({words}) Tj ET".encode())


def saved(pdf: Pdf, **options: Any) -> bytes:
    out = io.BytesIO()
    pdf.save(out, **options)
    return out.getvalue()


def pdf(words: str = SEEN) -> bytes:
    made = Pdf.new()
    page_of(made, words)
    return saved(made)


def pdfs() -> dict[str, bytes]:
    files = {}
    for name, spoil in {
        "document information": _docinfo,
        "xmp": _xmp,
        "script": _script,
        "attached file": _attached,
        "note": _note,
        "link": _link,
        "bookmark": _bookmark,
        "private data of a program": _piece_info,
        "thumbnail": _thumbnail,
        "structure": _structure,
        "picture with exif": _picture_with_exif,
        "packed picture with exif": _packed_picture_with_exif,
        "page label": _label,
        "form field that is empty now": _form,
    }.items():
        made = Pdf.new()
        page_of(made)
        spoil(made)
        files[name] = saved(made)
    files["earlier version"] = _updated()
    files["object that nothing uses"] = _orphan()
    files["after the end"] = pdf() + SENTINEL.encode()
    files["a zip behind it"] = pdf() + archive({"a.txt": SENTINEL.encode()})
    return files


def _docinfo(made: Pdf) -> None:
    made.docinfo["/Author"] = SENTINEL


def _xmp(made: Pdf) -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:source>{SENTINEL}</dc:source></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    made.Root.Metadata = made.make_stream(packet.encode(), Type=Name.Metadata, Subtype=Name.XML)


def _script(made: Pdf) -> None:
    made.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{SENTINEL}')"))
    made.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.URI, URI=String(SENTINEL)))


def _attached(made: Pdf) -> None:
    made.attachments["a.txt"] = SENTINEL.encode()


def _annotation(made: Pdf, **members: Any) -> None:
    annotation = Dictionary(Type=Name.Annot, Rect=Array([10, 10, 50, 50]), **members)
    made.pages[0].obj.Annots = Array([made.make_indirect(annotation)])


def _note(made: Pdf) -> None:
    _annotation(made, Subtype=Name.Text, Contents=String(SENTINEL), T=String(SENTINEL))


def _link(made: Pdf) -> None:
    _annotation(made, Subtype=Name.Link, A=Dictionary(S=Name.URI, URI=String(SENTINEL)))


def _bookmark(made: Pdf) -> None:
    with made.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(SENTINEL, 0))


def _piece_info(made: Pdf) -> None:
    made.pages[0].obj.PieceInfo = Dictionary(App=Dictionary(Private=String(SENTINEL)))


def _thumbnail(made: Pdf) -> None:
    made.pages[0].obj.Thumb = made.make_stream(SENTINEL.encode())


def _structure(made: Pdf) -> None:
    made.Root.StructTreeRoot = Dictionary(
        Type=Name.StructTreeRoot, K=Dictionary(S=Name.P, ActualText=String(SENTINEL))
    )


def _label(made: Pdf) -> None:
    made.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(P=String(SENTINEL))]))


def _form(made: Pdf) -> None:
    field = made.make_indirect(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("a"), DV=String(SENTINEL), V=String("now"),
            TU=String(SENTINEL), Rect=Array([10, 10, 90, 30]), DA=String("/Helv 9 Tf"), P=made.pages[0].obj,
        )
    )  # fmt: skip
    made.pages[0].obj.Annots = Array([field])
    helvetica = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    made.Root.AcroForm = Dictionary(
        Fields=Array([field]), DR=Dictionary(Font=Dictionary(Helv=helvetica)), NeedAppearances=True
    )


def _draw(made: Pdf, data: bytes, filters: pikepdf.Object) -> None:
    image = made.make_stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=64,
        Height=48,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=8,
    )
    image.Filter = filters
    image.Metadata = made.make_stream(SENTINEL.encode())
    made.pages[0].obj.Resources.XObject = Dictionary(Im=image)
    made.pages[0].contents_add(b"q 64 0 0 48 10 10 cm /Im Do Q")


def _picture_with_exif(made: Pdf) -> None:
    _draw(made, picture(exif=exif()), Name.DCTDecode)


def _packed_picture_with_exif(made: Pdf) -> None:
    _draw(made, zlib.compress(picture(exif=exif())), Array([Name.FlateDecode, Name.DCTDecode]))


def _updated() -> bytes:
    """A PDF whose first version names the place, "redacted" by an update behind it, as editors write them."""
    first = pdf(SENTINEL)
    with pikepdf.open(io.BytesIO(first)) as opened:
        number = opened.pages[0].obj.Contents.objgen[0]
        size = int(opened.trailer.Size)
        root = opened.Root.objgen[0]
    start = first.rindex(b"startxref")
    previous = int(first[start:].split()[1])
    content = f"BT /F1 18 Tf 20 200 Td ({SEEN}) Tj ET".encode()
    at = len(first)
    body = (
        f"{number} 0 obj\n<< /Length {len(content)} >>\nstream\n".encode()
        + content
        + b"\nendstream\nendobj\n"
    )
    table = f"xref\n{number} 1\n{at:010} 00000 n \ntrailer\n<< /Size {size} /Root {root} 0 R /Prev {previous} >>\n"
    return first + body + table.encode() + f"startxref\n{at + len(body)}\n%%EOF\n".encode()


def _orphan() -> bytes:
    whole = pdf()
    start = whole.rindex(b"xref\n", 0, whole.rindex(b"startxref"))
    return (
        whole[:start]
        + f"99 0 obj\n({SENTINEL})\nendobj\n".encode()
        + whole[start:].replace(
            str(start).encode(), str(start + len(f"99 0 obj\n({SENTINEL})\nendobj\n")).encode()
        )
    )


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
NAMESPACES = (
    f'{W} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def relations(*listed: tuple[str, str, str]) -> bytes:
    """Relations (id, kind, target); a target with "://" is external."""
    rows = "".join(
        f'<Relationship Id="{number}" Type="{OFFICE}/{kind}" Target="{target}"'
        f"{' TargetMode=' + chr(34) + 'External' + chr(34) if '://' in target else ''}/>"
        for number, kind, target in listed
    )
    return f'<Relationships xmlns="{PACKAGE}">{rows}</Relationships>'.encode()


def docx(body: str = "", related: tuple[tuple[str, str, str], ...] = (), **parts: bytes | str) -> bytes:
    """A Word document with one visible sentence, more markup in `body` and more parts (`__` stands for "/")."""
    document = f"<w:document {NAMESPACES}><w:body><w:p><w:r><w:t>{SEEN}</w:t></w:r></w:p>{body}</w:body></w:document>"
    members = {
        "[Content_Types].xml": _TYPES.encode(),
        "_rels/.rels": relations(("rId1", "officeDocument", "word/document.xml")),
        "word/document.xml": document.encode(),
    }
    if related:
        members["word/_rels/document.xml.rels"] = relations(*related)
    for name, content in parts.items():
        path = name.replace("__", "/").replace("_dot_", ".")
        members[path] = content.encode() if isinstance(content, str) else content
    return archive(members)


def drawing(number: str, name: str, crop: str = "") -> str:
    return (
        f'<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="{name}" title="{name}"/><a:graphic><a:graphicData>'
        f'<pic:pic><pic:nvPicPr><pic:cNvPr id="1" name="{name}"/></pic:nvPicPr><pic:blipFill>'
        f'<a:blip r:embed="{number}"/>'
        f"{crop}</pic:blipFill></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )


def docxs() -> dict[str, bytes]:
    run = f"<w:r><w:t>{SENTINEL}</w:t></w:r>"
    gone = f"<w:r><w:delText>{SENTINEL}</w:delText></w:r>"
    return {
        "properties": docx(docProps__core_dot_xml=f"<a>{SENTINEL}</a>", docProps__app_dot_xml=f"<a>{SENTINEL}</a>"),
        "comment": docx(
            '<w:p><w:r><w:commentReference w:id="0"/></w:r></w:p>',
            (("rId9", "comments", "comments.xml"),),
            word__comments_dot_xml=f"<w:comments {W}><w:comment><w:p>{run}</w:p></w:comment></w:comments>",
        ),
        "deleted text": docx(f'<w:p><w:del w:id="1" w:author="A">{gone}</w:del></w:p>'),
        "moved text": docx(f'<w:p><w:moveFrom w:id="1" w:author="A">{run}</w:moveFrom></w:p>'),
        "deleted row": docx(
            f'<w:tbl><w:tr><w:trPr><w:del w:id="1" w:author="A"/></w:trPr><w:tc><w:p>{run}</w:p></w:tc></w:tr></w:tbl>'
        ),
        "author of a change": docx(f'<w:p><w:ins w:id="1" w:author="{SENTINEL}"><w:r><w:t>x</w:t></w:r></w:ins></w:p>'),
        "earlier formatting": docx(f'<w:p><w:pPr><w:pPrChange w:id="1" w:author="{SENTINEL}"/></w:pPr></w:p>'),
        "hidden text": docx(f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{SENTINEL}</w:t></w:r></w:p>"),
        "bookmark": docx(f'<w:p><w:bookmarkStart w:id="1" w:name="{SENTINEL}"/></w:p>'),
        "field": docx(f"<w:p><w:r><w:instrText> FILENAME {SENTINEL} </w:instrText></w:r></w:p>"),
        "simple field": docx(
            f'<w:p><w:fldSimple w:instr="AUTHOR {SENTINEL}"><w:r><w:t>x</w:t></w:r></w:fldSimple></w:p>'
        ),
        "link": docx(
            '<w:p><w:hyperlink r:id="rId9"><w:r><w:t>x</w:t></w:r></w:hyperlink></w:p>',
            (("rId9", "hyperlink", f"https://{SENTINEL}/"),),
        ),
        "revision ids": docx(f'<w:p w:rsidR="{SENTINEL}" w14:paraId="{SENTINEL}"/>'),
        "content control": docx(
            f'<w:sdt><w:sdtPr><w:alias w:val="{SENTINEL}"/><w:tag w:val="{SENTINEL}"/></w:sdtPr><w:sdtContent/></w:sdt>'
        ),
        "settings": docx(
            "",
            (("rId9", "settings", "settings.xml"),),
            word__settings_dot_xml=f"<w:settings {W}>{run}</w:settings>",
        ),
        "custom xml": docx(
            "",
            (("rId9", "customXml", "../customXml/item1.xml"),),
            customXml__item1_dot_xml=f"<a>{SENTINEL}</a>",
        ),
        "thumbnail": docx(docProps__thumbnail_dot_jpeg=SENTINEL),
        "name of a picture": docx(
            drawing("rId9", SENTINEL), (("rId9", "image", "media/i.png"),), word__media__i_dot_png=picture("PNG")
        ),
        "place in a picture": docx(
            drawing("rId9", "a"), (("rId9", "image", "media/i.jpg"),), word__media__i_dot_jpg=jpegs()["place in exif"]
        ),
        "xml comment": docx(f"<!-- {SENTINEL} -->"),
        "part that nothing uses": docx(word__old_dot_xml=SENTINEL),
        "comment of the archive": _with_comment(),
    }  # fmt: skip


def _with_comment() -> bytes:
    out = io.BytesIO(docx())
    with zipfile.ZipFile(out, "a") as made:
        made.comment = SENTINEL.encode()
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A picture that says it is large and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(1024))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def pdf_bomb() -> bytes:
    made = Pdf.new()
    page_of(made)
    stream = made.make_stream(b"")
    stream.write(zlib.compress(bytes(400 * 1024 * 1024), 9), filter=Name.FlateDecode)
    made.pages[0].obj.Contents = stream
    return saved(made, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def docx_bomb() -> bytes:
    return docx(word__a_dot_xml=bytes(80 * 1024 * 1024))


def xml_bomb() -> bytes:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<!DOCTYPE a [<!ENTITY l0 "lol">{laughs}]><w:document {W}><w:body>&l9;</w:body></w:document>'
    return docx(word__document_dot_xml=document)
