"""An operator's tools learn whether the gateway lives, is ready and how it does; never a version or a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.assembly import Gateway
from gateway.clock import FixedClock
from gateway.errors import Misconfigured
from gateway.ledger.witness import ask_witnesses
from gateway.settings import Settings
from gateway.web.app import create_app
from tests.conftest import assembled
from tests.ledger.made import edit, recorded
from tests.ledger.witnesses import running
from tests.web.pages import Web
from tests.web.register import Register


def test_a_living_process_says_ok(web: Web) -> None:
    """One word, and nothing else."""
    assert web.client.get("/livez").text == "ok\n"


def test_a_ready_gateway_says_so_part_by_part(web: Web) -> None:
    """Database, keys and ledger."""
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "database ok\nkeys ok\nledger ok\n")


@pytest.mark.parametrize("part", ["database", "keys", "ledger"])
def test_a_part_that_fails_is_named_and_nothing_of_why(web: Web, part: str) -> None:
    """503 for the load balancer; the reason is in the log, as a code."""

    def fails() -> None:
        raise Misconfigured("The root key of Meadow is gone.")

    web.app.extensions["gateway_ready_checks"][part] = fails
    answer = web.client.get("/readyz")
    assert answer.status_code == 503
    assert f"{part} failing\n" in answer.text
    assert "Meadow" not in answer.text


@pytest.mark.parametrize("problem", ["stopped", "damaged"])
def test_a_ledger_that_is_stopped_or_damaged_is_said_and_still_read(
    web: Web, sqlite_gateway: Gateway, problem: str
) -> None:
    """200, because reading works and officers declare a restore on their pages; why is for them alone."""
    recorded(sqlite_gateway.store, 1)
    setattr(sqlite_gateway.journal, problem, "the witness charity.example/w holds another history")
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, f"database ok\nkeys ok\nledger {problem}\n")
    assert web.client.get("/ledger/checkpoint").status_code == 200

    setattr(sqlite_gateway.journal, problem, None)
    assert "ledger ok\n" in web.client.get("/readyz").text


def test_a_stopped_ledger_with_a_checkpoint_that_is_not_ours_is_not_ready(
    web: Web, sqlite_gateway: Gateway
) -> None:
    recorded(sqlite_gateway.store, 1)
    sqlite_gateway.journal.stopped = "the witness charity.example/w holds another history"
    edit(sqlite_gateway.store, "UPDATE ledger_checkpoint SET note = replace(note, 'ledger', 'lodger')")
    answer = web.client.get("/readyz")
    assert (answer.status_code, "ledger failing\n" in answer.text) == (503, True)


def test_numbers_are_by_endpoint_and_hold_no_path(web: Web, register: Register) -> None:
    """An id in a path never becomes a label."""
    web.client.get(f"/no-such-page/{register.staff}")
    text = web.client.get("/metrics").text
    assert 'endpoint="none"' in text
    assert register.staff not in text
    assert "no-such-page" not in text


def test_the_witness_lag_is_among_the_numbers(web: Web) -> None:
    """NaN where nobody watches: an alert on "more than an hour" asks for a witness policy first."""
    lines = web.client.get("/metrics").text.splitlines()
    assert "gateway_witness_lag_seconds NaN" in lines


def test_the_number_is_the_lag_itself(web: Web, clock: FixedClock, tmp_path: Path) -> None:
    """Infinite before the witnesses ever answered, then the seconds since they did."""

    def lines() -> list[str]:
        return web.client.get("/metrics").text.splitlines()

    with running(tmp_path, web.gateway.journal, clock):
        assert "gateway_witness_lag_seconds +Inf" in lines()
        recorded(web.gateway.store)
        ask_witnesses(web.gateway.store, web.gateway.journal)
        clock.advance(timedelta(seconds=90))
        assert "gateway_witness_lag_seconds 90.0" in lines()


@pytest.mark.parametrize(
    "request_from",
    [{"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}, {"headers": {"X-Forwarded-For": "127.0.0.1"}}],
)
def test_numbers_are_for_the_networks_in_the_settings(web: Web, request_from: dict[str, Any]) -> None:
    """To anybody else, a proxy's visitors among them, they aren't there."""
    assert web.client.get("/metrics").status_code == 200
    assert web.client.get("/metrics", **request_from).status_code == 404


def test_numbers_can_be_turned_off(
    make_settings: Callable[[str], Settings], sqlite_url: str, clock: Any
) -> None:
    """Then they aren't there for anybody."""
    settings = make_settings(sqlite_url)
    observe = settings.observe.model_copy(update={"metrics": False})
    for gateway in assembled(settings.model_copy(update={"observe": observe}), clock):
        assert create_app(gateway).test_client().get("/metrics").status_code == 404


def test_a_log_line_names_the_endpoint_and_never_the_path(web: Web, register: Register) -> None:
    """Nor a query, a form, a cookie or an agent."""
    web.sign_in(register.staff)
    with capture_logs() as lines:
        web.client.get(
            "/posts?word=Zzyzx", headers={"User-Agent": "Zzyzx", "Referer": "http://localhost/Zzyzx"}
        )
        web.client.post("/no-such-page/Zzyzx", data={"name": "Zzyzx"})
    written = json.dumps(lines)
    assert "request.done" in written
    assert "Zzyzx" not in written
    assert not re.search(r"[0-9a-f]{32}", written)
