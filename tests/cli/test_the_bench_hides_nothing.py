"""What fails under measurement is counted with why, and a row ends in its time."""

from __future__ import annotations

import itertools
import math

from gateway.cli.bench_flow import Act, Row, Size, together


def _row(acts: list[Act], size: Size) -> Row:
    given = iter(acts)
    return together("a store", "a thing", lambda: next(given), len(acts), size, against=1.0)


def test_a_refusal_is_counted_by_its_reason_and_not_as_done() -> None:
    answers = itertools.cycle(["", "", "", "status 503"])
    row = _row([lambda: next(answers)], Size(requests=9, seconds=math.inf))
    assert (row.done, row.failed) == (6, {"status 503": 3})


def test_a_lost_connection_is_counted_too() -> None:
    def lost() -> str:
        raise ConnectionResetError

    row = _row([lambda: "", lost], Size(requests=8, seconds=math.inf))
    assert (row.done, row.failed) == (4, {"ConnectionResetError": 7})


def test_no_request_begins_when_the_time_is_over() -> None:
    row = _row([lambda: "", lambda: ""], Size(requests=1_000, seconds=0.0))
    assert (row.done, row.failed) == (2, {})
