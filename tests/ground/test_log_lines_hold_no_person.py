"""Logs: JSON lines of allowed keys and plain values; no message, path or name gets through, whoever logs it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.observe import (
    ALLOWED_KEYS,
    DROPPED,
    ENTRIES,
    bind,
    configure_logs,
    count_request,
    keep_only_allowed,
    metrics_page,
)

CANARY = "Zzyzx"
HOSTILE = ["\x1b[31m", "\n{}", "\u202e", "\u2028", '"', "14 High Street", CANARY + " " + CANARY]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("debug", stream)
    yield stream
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_happened_in_allowed_keys(lines: io.StringIO) -> None:
    bind(request_id="0" * 32, endpoint="staff.home")
    structlog.get_logger("gateway.web").info("request.done", status=200, ms=1.5)
    (line,) = read(lines)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request.done",
        "level": "info",
        "logger": "gateway.web",
        "request_id": "0" * 32,
        "endpoint": "staff.home",
        "status": 200,
        "ms": 1.5,
    }


def test_a_key_that_is_not_allowed_is_named_and_its_value_dropped(lines: io.StringIO) -> None:
    structlog.get_logger().info("parcel_opened", subject=CANARY)
    assert read(lines)[0][DROPPED] == ["subject"]
    assert CANARY not in lines.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sentence_comes_out_neither_as_event_nor_as_value(lines: io.StringIO, text: str) -> None:
    structlog.get_logger().info(text)
    structlog.get_logger().info("failed", where=text)
    first, second = read(lines)
    assert first["event"] == second["where"] == "unsaid"
    assert len(lines.getvalue().splitlines()) == 2


def test_an_exception_comes_out_as_its_class_never_as_its_message(lines: io.StringIO) -> None:
    try:
        raise LookupError(CANARY)
    except LookupError:
        structlog.get_logger().exception("act_failed")
        logging.getLogger("elsewhere").exception("about %s", CANARY)
    assert [line["error"] for line in read(lines)] == ["LookupError", "LookupError"]
    assert CANARY not in lines.getvalue()


def test_other_libraries_only_show_that_they_spoke(lines: io.StringIO) -> None:
    logging.getLogger("werkzeug").warning("GET /people/%s", CANARY)
    assert read(lines)[0]["event"] == "library_message"
    assert CANARY not in lines.getvalue()


def test_one_request_leaves_nothing_for_the_next(lines: io.StringIO) -> None:
    bind(request_id="1", post_id="2")
    bind(request_id="3")
    structlog.get_logger().info("next")
    line = read(lines)[0]
    assert (line["request_id"], "post_id" in line) == ("3", False)


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.binary(), st.integers(), st.lists(st.text()))))
def test_whatever_is_logged_only_plain_words_remain(line: dict[str, Any]) -> None:
    kept = keep_only_allowed(None, "info", dict(line))
    for key, value in kept.items():
        assert key in ALLOWED_KEYS | {DROPPED} or key.startswith("_")
        if isinstance(value, str):
            assert " " not in value
            assert value.isascii()


def test_counts_have_no_label_that_could_name_anyone() -> None:
    count_request("staff.home", "GET", 200, 0.01)
    count_request("none", "PROPFIND", 405, 0.01)
    ENTRIES.labels("decision.made").inc()
    text = metrics_page().decode()
    assert 'gateway_requests_total{endpoint="staff.home",method="GET",status="200"}' in text
    assert 'method="other"' in text
    ours = [line for line in text.splitlines() if line.startswith("gateway_") and "{" in line]
    labels = {
        part.split("=")[0] for line in ours for part in line[line.index("{") + 1 : line.index("}")].split(",")
    }
    assert labels <= {"endpoint", "method", "status", "kind", "le"}


def test_what_somebody_must_look_at_now_is_counted_for_an_alert(lines: io.StringIO) -> None:
    log = structlog.get_logger("gateway.ledger")
    log.critical("ledger_stopped", witness="c1", code="another_history")
    log.critical("ledger_stopped", witness="c2", code="another_history")
    log.warning("witness_did_not_cosign", witness="c1")

    page = metrics_page().decode()
    assert 'gateway_alerts_total{event="ledger_stopped"} 2.0' in page
    assert "witness_did_not_cosign" not in page
    assert all("dropped_keys" not in line for line in read(lines))
