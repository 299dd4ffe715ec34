"""On which line of a TOML file each of its values stands, so that an error can say where it is.

The standard parser keeps no positions. This reads a text that the standard parser has accepted (TOML 1.0) and gives
for each path, such as ``("people", 2, "posts", 0, "role")``, the line its key or element begins on.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from gateway.errors import Invalid

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_PLAIN = re.compile(r"[^,\]}#\n]*")
_LINE = re.compile(r"line (\d+)")
_QUOTES = ('"""', "'''", '"', "'")


def read(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """Give a TOML text's values and the line of each.

    Raises Invalid, with the line, when it isn't TOML.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        where = f"line {found[1]}" if found else "the end of the file"
        raise Invalid(
            "The file isn't TOML.",
            next_step="Correct the line named and run the import again.",
            fields={where: str(error)},
        ) from error
    return values, _Scanner(text).lines()


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Give the line of a path, or of the nearest thing around it that has one (1 when nothing has)."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.found: dict[Path, int] = {}
        self.lists: dict[Path, int] = {}

    def lines(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip_blank():
            if self.text.startswith("[[", self.at):
                table = self._header(2)
            elif self.text[self.at] == "[":
                table = self._header(1)
            else:
                self._pair(table)
        return self.found

    def _header(self, brackets: int) -> Path:
        line = self._line()
        self.at += brackets
        path = self._inside(self._key())
        self.at += brackets
        if brackets == 2:
            path = path if not isinstance(path[-1], int) else path[:-1]
            index = self.lists.get(path, 0)
            self.lists[path] = index + 1
            self.found.setdefault(path, line)
            path = (*path, index)
        self.found.setdefault(path, line)
        return path

    def _inside(self, parts: list[str]) -> Path:
        # A table named under an array of tables belongs to the array's newest element.
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self.lists:
                path = (*path, self.lists[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.found.setdefault(path, line)
        self.at += 1  # the equals sign
        self._spaces()
        self._value(path)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._spaces()
            parts.append(self._key_part())
            self._spaces()
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def _key_part(self) -> str:
        if self.text[self.at] in "\"'":
            start = self.at
            self._string()
            value = tomllib.loads(f"k = {self.text[start : self.at]}")["k"]
            return str(value)
        return self._take(_BARE)

    def _value(self, path: Path) -> None:
        mark = self.text[self.at]
        if mark in "\"'":
            self._string()
        elif mark == "[":
            self._array(path)
        elif mark == "{":
            self._inline(path)
        else:
            self._take(_PLAIN)

    def _string(self) -> None:
        quote = next(one for one in _QUOTES if self.text.startswith(one, self.at))
        self.at += len(quote)
        while not self.text.startswith(quote, self.at):
            self.at += 2 if self.text[self.at] == "\\" and quote[0] == '"' else 1
        self.at += len(quote)
        # Up to two more quotation marks may stand before the closing three.
        while len(quote) == 3 and self.text.startswith(quote[0], self.at):
            self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip_blank() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.found.setdefault((*path, index), self._line())
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _skip_blank(self) -> bool:
        """Pass blanks, line ends and comments; tell whether anything is left."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in " \t\n":
                self.at += 1
            else:
                return True
        return False

    def _spaces(self) -> None:
        self._take(_SPACE)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError("the standard parser has accepted what this one can't follow")
        self.at = found.end()
        return found[0]

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
