"""The markup of a Word document: accepted as it reads now, with nothing left of what it was or who touched it."""

from __future__ import annotations

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_W15 = "{http://schemas.microsoft.com/office/word/2012/wordml}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PIC = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_O = "{urn:schemas-microsoft-com:office:office}"

# What was deleted or moved away: gone with everything in it.
_DELETED = {_W + name for name in ("del", "moveFrom", "delText", "delInstrText", "cellDel")}
# What was inserted, linked or bound to data: its content stays, the note of who and what goes.
_UNWRAPPED = {
    _W + name for name in ("ins", "moveTo", "hyperlink", "fldSimple", "smartTag", "customXml", "dir", "bdo")
}
_DROPPED = {
    *(
        _W + name
        for name in (
            "rPrChange", "pPrChange", "sectPrChange", "tblPrChange", "tblPrExChange", "tcPrChange", "trPrChange",
            "tblGridChange", "numberingChange", "cellIns", "cellMerge", "commentRangeStart", "commentRangeEnd",
            "commentReference", "annotationRef", "bookmarkStart", "bookmarkEnd", "proofErr", "permStart", "permEnd",
            "moveFromRangeStart", "moveFromRangeEnd", "moveToRangeStart", "moveToRangeEnd", "customXmlInsRangeStart",
            "customXmlInsRangeEnd", "customXmlDelRangeStart", "customXmlDelRangeEnd", "fldChar", "instrText",
            "dataBinding", "docPartObj", "docPartList", "tag", "alias", "printerSettings", "object", "embedRegular",
            "embedBold", "embedItalic", "embedBoldItalic", "smartTagPr", "customXmlPr", "lastRenderedPageBreak",
        )
    ),
    _W15 + "dataBinding",
    _MC + "Fallback",
    _A + "extLst",
    _A + "hlinkClick",
    _A + "hlinkHover",
}  # fmt: skip
_DROPPED_ATTRIBUTES = {_W14 + "paraId", _W14 + "textId", _O + "title", _O + "href", _R + "link"}
_HIDDEN = (_W + "vanish", _W + "webHidden", _W + "specVanish")
_NAMED = (_WP + "docPr", _PIC + "cNvPr", _A + "cNvPr")
_OFF = frozenset({"0", "false", "off"})
_TEXT = {_W + "t": "", _W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}


def wash_markup(root: etree._Element, relations: set[str]) -> set[str]:
    """Change the markup in place; give what was taken out, in words. `relations` are the ids of those that stay."""
    removed = set()
    if _deleted(root):
        removed.add("tracked changes")
    if next(root.iter(_W + "commentReference"), None) is not None:
        removed.add("comments")
    if _without_hidden_text(root):
        removed.add("hidden text")
    _unwrap(root)
    for element in list(root.iter(*_DROPPED)):
        _remove(element)
    for element in root.iter(etree.Element):
        _wash_attributes(element, relations)
    return removed


def look_at_markup(root: etree._Element) -> set[str]:
    """Give what a person should look at, because no program can tell whether it matters."""
    crops = root.iter(_A + "srcRect")
    if any(any(value not in {"", "0"} for value in crop.attrib.values()) for crop in crops):
        return {"A picture in the document is cropped: the part that was cut off is still in the file."}
    return set()


def text_of(root: etree._Element) -> str:
    """Give the text that is read, one line a paragraph, and the descriptions of pictures."""
    lines = []
    for paragraph in root.iter(_W + "p"):
        runs = paragraph.iter(*_TEXT)
        lines.append("".join(_TEXT[str(run.tag)] or run.text or "" for run in runs))
    lines += [str(named.get("descr")) for named in root.iter(*_NAMED) if named.get("descr")]
    return "\n".join(lines)


def _deleted(root: etree._Element) -> bool:
    found = list(root.iter(*_DELETED))
    for element in found:
        parent = element.getparent()
        # A row or paragraph mark that was deleted is told by a mark inside its properties.
        if parent is not None and parent.tag == _W + "trPr":
            row = parent.getparent()
            if row is not None:
                _remove(row)
            continue
        _remove(element)
    return bool(found) or next(root.iter(_W + "ins"), None) is not None


def _without_hidden_text(root: etree._Element) -> bool:
    hidden = [
        run
        for run in root.iter(_W + "r")
        if any(
            mark.get(_W + "val", "1") not in _OFF
            for mark in run.iterfind(f"{_W}rPr/*")
            if mark.tag in _HIDDEN
        )
    ]
    for run in hidden:
        _remove(run)
    return bool(hidden)


def _unwrap(root: etree._Element) -> None:
    for element in list(root.iter(*_UNWRAPPED)):
        parent = element.getparent()
        if parent is None:
            continue
        at = parent.index(element)
        for offset, child in enumerate(list(element)):
            parent.insert(at + offset, child)
        parent.remove(element)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _wash_attributes(element: etree._Element, relations: set[str]) -> None:
    for name in [str(name) for name in element.attrib]:
        lost = name.startswith(_R) and element.attrib[name] not in relations
        if lost or name in _DROPPED_ATTRIBUTES or _tells_who(name.rpartition("}")[2]):
            del element.attrib[name]
    if element.tag in _NAMED:
        # A picture's name is often the path of the file it came from.
        element.set("name", "Picture")
        element.attrib.pop("title", None)


def _tells_who(attribute: str) -> bool:
    return attribute.startswith("rsid") or attribute in {"author", "initials", "date"}
