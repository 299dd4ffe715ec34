"""Word documents: rebuilt from the parts that are read, without who wrote them, what was changed and what is hidden."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from lxml import etree

from gateway.sealing.washing.archive import read_archive, write_archive
from gateway.sealing.washing.picture import wash_jpeg, wash_png
from gateway.sealing.washing.washed import AS_PDF, Unwashable, Washed
from gateway.sealing.washing.word_markup import look_at_markup, text_of, wash_markup

_MAIN = "word/document.xml"
_CONTENT_TYPES = "[Content_Types].xml"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml."
_RELATION_TYPES = "application/vnd.openxmlformats-package.relationships+xml"

# The parts that are read, by their kind of relation: what they are called in the list of types.
_KEPT = {
    f"{_OFFICE}/styles": f"{_WORD}styles+xml",
    f"{_OFFICE}/numbering": f"{_WORD}numbering+xml",
    f"{_OFFICE}/fontTable": f"{_WORD}fontTable+xml",
    f"{_OFFICE}/footnotes": f"{_WORD}footnotes+xml",
    f"{_OFFICE}/endnotes": f"{_WORD}endnotes+xml",
    f"{_OFFICE}/header": f"{_WORD}header+xml",
    f"{_OFFICE}/footer": f"{_WORD}footer+xml",
    f"{_OFFICE}/theme": "application/vnd.openxmlformats-officedocument.theme+xml",
}
_IMAGE = f"{_OFFICE}/image"
_PICTURES: dict[str, tuple[str, Callable[[bytes], Washed]]] = {
    "png": ("image/png", wash_png),
    "jpeg": ("image/jpeg", wash_jpeg),
    "jpg": ("image/jpeg", wash_jpeg),
}
_MACROS = ("vbaproject", "vbadata", "activex", "macros")
_CARRYING = frozenset(
    {
        "oleObject",
        "package",
        "aFChunk",
        "chart",
        "chartEx",
        "diagramData",
        "subDocument",
        "control",
        "frame",
        "slicer",
    }
)
_PARSER_OPTIONS = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class _Rebuild:
    """One document's way from the parts that were sent to the parts that may stay."""

    def __init__(self, sent: dict[str, bytes]) -> None:
        self.sent = sent
        self.kept: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.removed: set[str] = set()
        self.look_at: set[str] = set()
        self.text: list[str] = []

    def take(self, name: str, content_type: str) -> None:
        """Wash one XML part with everything it draws on, and keep it."""
        if name in self.kept:
            return
        root = _parsed(self._part(name))
        self.kept[name] = b""
        self.types[name] = content_type
        relations = self._relations_of(name)
        self.removed |= wash_markup(root, set(relations))
        self.look_at |= look_at_markup(root)
        if content_type != f"{_WORD}styles+xml":
            self.text.append(text_of(root))
        self.kept[name] = _written(root)
        if relations:
            self._keep_relations(name, relations)

    def _relations_of(self, name: str) -> dict[str, tuple[str, str]]:
        """Give the relations that stay: id -> (kind, target)."""
        folder, file = posixpath.split(name)
        listed = self.sent.get(f"{folder}/_rels/{file}.rels")
        if listed is None:
            return {}
        staying = {}
        for relation in _parsed(listed):
            kind, target = relation.get("Type", ""), relation.get("Target", "")
            if self._stays(kind, target, relation.get("TargetMode", "Internal")):
                path = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
                self._take_related(kind, path)
                staying[relation.get("Id", "")] = (kind, target)
        return staying

    def _stays(self, kind: str, target: str, mode: str) -> bool:
        if mode != "Internal":
            if kind == f"{_OFFICE}/hyperlink":
                self.removed.add("links")
                return False
            raise Unwashable("This document draws on something outside itself.")
        if kind.rsplit("/", 1)[-1] in _CARRYING:
            raise Unwashable(
                "This document holds an embedded object, chart or drawing that carries hidden data."
            )
        return bool(target) and (kind in _KEPT or kind == _IMAGE)

    def _take_related(self, kind: str, path: str) -> None:
        if kind != _IMAGE:
            self.take(path, _KEPT[kind])
            return
        if path in self.kept:
            return
        known = _PICTURES.get(path.rsplit(".", 1)[-1].lower())
        if known is None:
            raise Unwashable(
                "This document holds a picture of a kind that can't be cleaned (not JPEG or PNG)."
            )
        self.types[path], wash = known
        washed = wash(self._part(path))
        self.kept[path] = washed.data
        self.look_at |= set(washed.look_at)

    def _keep_relations(self, name: str, relations: dict[str, tuple[str, str]]) -> None:
        folder, file = posixpath.split(name)
        listed = etree.Element(f"{{{_RELATIONS}}}Relationships", nsmap={None: _RELATIONS})
        for number, (kind, target) in relations.items():
            etree.SubElement(listed, f"{{{_RELATIONS}}}Relationship", Id=number, Type=kind, Target=target)
        self.kept[f"{folder}/_rels/{file}.rels"] = _written(listed)

    def _part(self, name: str) -> bytes:
        part = self.sent.get(name)
        if part is None:
            raise Unwashable("This document lacks a part that it refers to.")
        return part


def wash_docx(data: bytes) -> Washed:
    """Give a new document of the same text, styles and pictures, and its text.

    Taken out: properties, comments, tracked changes (as if all were accepted), revision ids, hidden text, custom XML,
    bookmarks, fields, links and thumbnails. Raises Unwashable for macros, embedded objects, charts, anything drawn from
    outside, and bombs.
    """
    sent = read_archive(data)
    _check(sent)
    rebuild = _Rebuild(sent)
    rebuild.take(_MAIN, f"{_WORD}document.main+xml")
    members = {
        _CONTENT_TYPES: _content_types(rebuild.types),
        "_rels/.rels": _root_relation(),
        **rebuild.kept,
    }
    removed = tuple(sorted(rebuild.removed | {"document properties and earlier versions"}))
    return Washed(write_archive(members), removed, tuple(sorted(rebuild.look_at)), "\n".join(rebuild.text))


def warm_up() -> None:
    """Unpack and parse a small archive of our own, so that what the readers load late has been loaded."""
    for part in read_archive(write_archive({"a.rels": _root_relation()})).values():
        _parsed(part)


def _check(sent: dict[str, bytes]) -> None:
    if _CONTENT_TYPES not in sent or _MAIN not in sent:
        raise Unwashable("This isn't a Word document (.docx).")
    if (
        any(mark in name.lower() for name in sent for mark in _MACROS)
        or b"macroEnabled" in sent[_CONTENT_TYPES]
    ):
        raise Unwashable("This document holds macros.")


def _parsed(part: bytes) -> etree._Element:
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise Unwashable("This document holds definitions that no Word document needs.")
    try:
        return etree.fromstring(part, etree.XMLParser(**_PARSER_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise Unwashable("This document is damaged.", AS_PDF) from error


def _written(root: etree._Element) -> bytes:
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return written


def _content_types(types: dict[str, str]) -> bytes:
    listed = etree.Element(f"{{{_TYPES}}}Types", nsmap={None: _TYPES})
    etree.SubElement(listed, f"{{{_TYPES}}}Default", Extension="rels", ContentType=_RELATION_TYPES)
    for name, content_type in types.items():
        etree.SubElement(listed, f"{{{_TYPES}}}Override", PartName=f"/{name}", ContentType=content_type)
    return _written(listed)


def _root_relation() -> bytes:
    listed = etree.Element(f"{{{_RELATIONS}}}Relationships", nsmap={None: _RELATIONS})
    etree.SubElement(
        listed, f"{{{_RELATIONS}}}Relationship", Id="rId1", Type=f"{_OFFICE}/officeDocument", Target=_MAIN
    )
    return _written(listed)
