"""Lists in pages: the query is asked for one page, the links keep the filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from flask import request

Item = TypeVar("Item")
SIZE = 25
_AROUND = 1


@dataclass(frozen=True)
class Paging(Generic[Item]):
    """One page of a list: the items on it, its number (from 1), the page size and the number of items in all."""

    items: Sequence[Item]
    number: int
    total: int
    size: int = SIZE

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The position of the first item shown, from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """The position of the last item shown."""
        return self.first + len(self.items) - 1 if self.items else 0

    def numbers(self) -> Iterator[int | None]:
        """Page numbers to offer; None stands for an ellipsis."""
        shown = {1, self.pages, *range(self.number - _AROUND, self.number + _AROUND + 1)}
        previous = 0
        for number in sorted(n for n in shown if 1 <= n <= self.pages):
            if number - previous > 1:
                yield None
            yield number
            previous = number

    def href(self, number: int) -> str:
        """The address of another page of the same list with the same filters."""
        kept = [(key, value) for key, value in request.args.items(multi=True) if key != "page"]
        return f"{request.path}?{urlencode([*kept, ('page', str(number))])}"


def asked_page() -> int:
    """The page number in the address, or 1: nonsense isn't an error in a list."""
    asked = request.args.get("page", "")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1


def offset_of(number: int, size: int = SIZE) -> int:
    """How many items come before a page."""
    return (number - 1) * size
