"""On PostgreSQL the gateway runs as a role that changes and deletes no row of the ledger, and does all its work."""
# ruff: noqa: S608 - the statements are made of names in this file

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.checkpoint import Checkpoint, cosign
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select

from gateway.clock import FixedClock
from gateway.errors import NotConfirmed
from gateway.ledger import changes
from gateway.ledger.alarm import damage, raise_alarm, take_back
from gateway.ledger.belt import restricted_role
from gateway.ledger.entries import EntryKind
from gateway.ledger.erase import erase
from gateway.ledger.functions import CHANGES, named
from gateway.ledger.hold import hold, keep_holding, reveal
from gateway.ledger.journal import Journal
from gateway.ledger.log_keys import FileLogKeys
from gateway.ledger.models import LedgerCosignature, LedgerHold, LedgerRecord
from gateway.ledger.publish import newest_checkpoint
from gateway.ledger.verify import verify_store
from gateway.settings import Settings
from gateway.store import migrate
from gateway.store.engine import make_engine
from gateway.store.unit_of_work import Store
from gateway.store.vault import Vault
from tests.conftest import assembled
from tests.ledger.made import ORIGIN, entry, recorded

ROLE, WITNESS = "gateway_app", "charity.example/w"
REVIEWER, LATER = "9" * 32, date(2027, 2, 1)
LEDGER = sorted(name for name in SQLModel.metadata.tables if name.startswith("ledger_"))
REWRITING = ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


@dataclass(frozen=True)
class Two:
    """The same database as its owner and as the gateway's role."""

    owner: sa.Engine
    role: Store


@pytest.fixture
def two(postgresql_url: str, clock: FixedClock, vault: Vault, log_keys: FileLogKeys) -> Iterator[Two]:
    """Set up as docs/ledger.md says: every right on all tables, then what role-sql prints."""
    owner = make_engine(postgresql_url, pool_size=1)
    _run(owner, [f"CREATE ROLE {ROLE} LOGIN", f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}"])
    _run(owner, restricted_role(ROLE))
    role = Store(make_engine(postgresql_url.replace("gateway@", f"{ROLE}@"), pool_size=2), clock, vault)
    Journal(ORIGIN, log_keys).attach(role)
    yield Two(owner, role)
    role.close()
    _run(owner, [f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}"])
    owner.dispose()


def test_it_does_everything_that_is_done_with_the_ledger(two: Two, clock: FixedClock) -> None:
    store = two.role
    erased, revealed, kept = recorded(store, 3)
    with store.writing() as unit:
        for entry_id in (erased, revealed, kept):
            hold(unit, entry_id, entry(), reviewer_post_id=REVIEWER, review_on=LATER)
    with store.writing() as unit:
        keep_holding(unit, kept, entry(), reviewer_post_id="8" * 32, review_on=date(2027, 3, 1))
    with store.writing() as unit:
        reveal(unit, revealed, entry())
    with store.writing() as unit:
        erase(unit, [erased], entry())
    for _ in range(2):  # a witness signs the same checkpoint again while nothing is added
        clock.advance(timedelta(minutes=1))
        _cosigned(store)
    raise_alarm(store, "1" * 32, "entry 2 was changed", clock.now(), timedelta(minutes=1))
    raise_alarm(store, "1" * 32, "entry 3 was changed", clock.now(), timedelta(minutes=1))

    with store.reading() as unit:
        holds = {one.entry_id: one for one in unit.session.exec(select(LedgerHold))}
        assert set(holds) == {revealed, kept}
        assert (holds[kept].reviewer_post_id, holds[kept].review_on) == ("8" * 32, date(2027, 3, 1))
        assert holds[revealed].revealed_by_entry_id
        assert not holds[kept].revealed_by_entry_id
        assert unit.session.get(LedgerRecord, erased) is None
        (line,) = unit.session.exec(select(LedgerCosignature)).all()
        assert line.at == clock.now()
        assert damage(unit) == "entry 3 was changed"
        assert unit.session.execute(sa.text("SELECT count(*) FROM ledger_pending")).scalar() == 0
    take_back(store, "1" * 32)
    with store.reading() as unit:
        assert damage(unit) is None
        assert verify_store(unit).verified


def test_the_gateway_starts_as_it(
    two: Two, make_settings: Callable[[str], Settings], clock: FixedClock
) -> None:
    """It finds the store up to date and makes or replaces nothing in it."""
    url = two.role.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    before = _functions(two.owner)
    for gateway in assembled(make_settings(url), clock):
        recorded(gateway.store, 1)
        assert migrate.pending(gateway.store.engine) == []
    assert _functions(two.owner) == before


def test_it_changes_and_deletes_no_row_of_any_of_its_tables(two: Two) -> None:
    assert _rewriting(two.owner) == []
    _run(two.owner, [f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in LEDGER])
    recorded(two.role, 1)
    for name in LEDGER:
        column = next(iter(SQLModel.metadata.tables[name].columns)).name
        for statement in (
            f"UPDATE {name} SET {column} = {column}",
            f"DELETE FROM {name}",
            f"TRUNCATE {name}",
            f"SELECT * FROM {name} FOR UPDATE",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                _run(two.role.engine, [statement])


def test_a_right_that_it_has_not_to_have_is_seen(two: Two) -> None:
    """A planted fault each: a right on one column, one given to everybody, a table that was forgotten."""
    _run(two.owner, [f"GRANT UPDATE (review_on) ON ledger_hold TO {ROLE}"])
    assert _rewriting(two.owner) == ["UPDATE of a column of ledger_hold"]
    _run(two.owner, ["GRANT DELETE ON ledger_record TO PUBLIC"])
    assert "DELETE on ledger_record" in _rewriting(two.owner)
    _run(two.owner, ["CREATE TABLE ledger_new (id int)", f"GRANT ALL ON ledger_new TO {ROLE}"])
    assert "UPDATE on ledger_new" in _rewriting(two.owner)
    _run(two.owner, ["DROP TABLE ledger_new", *restricted_role(ROLE)])
    assert _rewriting(two.owner) == []


def test_the_functions_do_nothing_that_the_log_does_not_say(two: Two) -> None:
    store = two.role
    first, second, held = recorded(store, 3)
    with store.writing() as unit:
        by = hold(unit, held, entry(), reviewer_post_id=REVIEWER, review_on=LATER)
        elsewhere = erase(unit, [second], entry())
    forged = f"INSERT INTO ledger_erasure VALUES ('{first}', '{'1' * 32}', '{{}}', now())"
    unlogged = (
        "INSERT INTO ledger_record (entry_id, partnership_id, kind, at, controller_agency_id, record) SELECT "
        f"'{'7' * 32}', partnership_id, kind, at, controller_agency_id, replace(record, '{second}', '{first}') "
        f"FROM ledger_record WHERE entry_id = '{elsewhere}'"
    )
    for statements in (
        [f"SELECT ledger_erase(ARRAY['{first}'])"],
        [forged.format(elsewhere), f"SELECT ledger_erase(ARRAY['{first}'])"],
        [forged.format(by), f"SELECT ledger_erase(ARRAY['{first}'])"],
        [unlogged, forged.format("7" * 32), f"SELECT ledger_erase(ARRAY['{first}'])"],
        [f"SELECT ledger_reveal('{held}', '{by}')"],
        [f"SELECT ledger_keep_hold('{held}', '{by}')"],
        ["SELECT ledger_cosign(1, 999, 'c1', 'line', now())"],
    ):
        with pytest.raises(DBAPIError, match="only added to"):
            _run(store.engine, statements)
    with store.reading() as unit:
        assert unit.session.get(LedgerRecord, first) is not None


@pytest.mark.parametrize("kind", [EntryKind.ENTRY_HELD, EntryKind.SUBJECT_ERASED])
def test_what_is_never_erased_stays_even_when_the_log_says_that_it_was(two: Two, kind: EntryKind) -> None:
    (kept,) = recorded(two.role, 1, kind=kind)
    (said,) = recorded(two.role, 1, kind=EntryKind.ENTRY_ERASED, codes={"entries": (kept,)})
    row = f"INSERT INTO ledger_erasure VALUES ('{kept}', '{'1' * 32}', '{said}', now())"
    with pytest.raises(DBAPIError, match="only added to"):
        _run(two.role.engine, [row, f"SELECT ledger_erase(ARRAY['{kept}'])"])


def test_a_leaf_without_a_place_stays_in_the_outbox(two: Two) -> None:
    recorded(two.role, 1)
    waiting = f"INSERT INTO ledger_pending (entry_id, leaf) VALUES ('{'5' * 32}', '\\x00')"
    emptied = "SELECT ledger_leave_outbox(ARRAY(SELECT number FROM ledger_pending))"
    _run(two.role.engine, [waiting, emptied])
    with two.owner.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ledger_pending")).scalar() == 1


def test_an_older_line_of_a_witness_replaces_no_newer_one(two: Two, clock: FixedClock) -> None:
    recorded(two.role, 1)
    _cosigned(two.role)
    with two.role.writing() as unit:
        early = clock.now() - timedelta(hours=1)
        changes.keep_cosignature(
            unit, LedgerCosignature(epoch=1, size=1, witness=WITNESS, line="old", at=early)
        )
    with two.role.reading() as unit:
        (line,) = unit.session.exec(select(LedgerCosignature)).all()
        assert (line.line != "old", line.at) == (True, clock.now())


def test_a_store_of_the_version_before_works_again_once_it_has_the_functions(two: Two) -> None:
    """0011 on a store that 0010 filled: until the upgrade, which its owner makes, nothing is confirmed as recorded."""
    (before,) = recorded(two.role, 1)
    dropped = [f"DROP FUNCTION {named(form)}" for form in CHANGES]
    _run(two.owner, [*dropped, "UPDATE alembic_version SET version_num = '0010'"])
    assert migrate.pending(two.role.engine)[0] == "0011"
    with pytest.raises(NotConfirmed):
        recorded(two.role, 1)

    migrate.upgrade(two.owner)
    _run(two.owner, restricted_role(ROLE))

    assert migrate.pending(two.role.engine) == []
    with two.role.writing() as unit:
        erase(unit, [before], entry())
    with two.role.reading() as unit:
        assert (verify_store(unit).verified, verify_store(unit).entries) == (True, 3)


def test_the_functions_belong_to_the_owner_and_look_only_where_the_tables_are(two: Two) -> None:
    """Upgrades may be run by another, here the server's own superuser; nobody else is let in, nor gets in between."""
    _run(two.owner, ["CREATE ROLE tables_owner"])
    try:
        _run(two.owner, [f"ALTER TABLE {name} OWNER TO tables_owner" for name in LEDGER])
        with two.owner.begin() as connection:
            migrate.apply_guards(connection)
        _run(two.owner, restricted_role(ROLE))
        with two.owner.connect() as connection:
            for form in CHANGES:
                found = connection.execute(
                    sa.text(
                        "SELECT pg_get_userbyid(proowner), prosecdef, proconfig FROM pg_proc"
                        " WHERE oid = CAST(:named AS regprocedure)"
                    ),
                    {"named": named(form)},
                ).one()
                assert tuple(found[:2]) == ("tables_owner", True)
                assert "search_path=pg_catalog, public, pg_temp" in found.proconfig
                allowed = "SELECT has_function_privilege(:role, :named, 'EXECUTE')"
                may = {
                    role: connection.execute(sa.text(allowed), {"role": role, "named": named(form)}).scalar()
                    for role in (ROLE, "pg_monitor")
                }
                assert may == {ROLE: True, "pg_monitor": False}
        with pytest.raises(DBAPIError, match="permission denied for schema"):
            _run(two.role.engine, ["CREATE FUNCTION now() RETURNS int LANGUAGE sql AS 'SELECT 1'"])
        with pytest.raises(DBAPIError, match="must be owner"):
            _run(two.role.engine, ["ALTER FUNCTION ledger_lock_hold(text) RESET search_path"])
        # What it makes for itself alone comes last.
        (kept,) = recorded(two.role, 1)
        shadow = (
            f"CREATE TEMPORARY TABLE ledger_erasure AS SELECT '{kept}' AS entry_id, '{kept}' AS by_entry_id"
        )
        with pytest.raises(DBAPIError, match="only added to"):
            _run(two.role.engine, [shadow, f"SELECT ledger_erase(ARRAY['{kept}'])"])
    finally:
        _run(two.owner, ["REASSIGN OWNED BY tables_owner TO gateway", "DROP ROLE tables_owner"])


def _cosigned(store: Store) -> None:
    """Keep a witness's line under the newest checkpoint, as a round of asking does."""
    with store.writing() as unit:
        checkpoint = Checkpoint.parse(newest_checkpoint(unit).text)
        line = str(cosign(checkpoint, WITNESS, Ed25519PrivateKey.from_private_bytes(bytes(32)), unit.now))
        row = LedgerCosignature(epoch=1, size=checkpoint.size, witness=WITNESS, line=line, at=unit.now)
        changes.keep_cosignature(unit, row)


def _functions(owner: sa.Engine) -> list[tuple[object, ...]]:
    """Every version of every function: one that is replaced has another."""
    with owner.connect() as connection:
        found = connection.execute(sa.text("SELECT proname, xmin::text FROM pg_proc ORDER BY oid"))
        return [tuple(row) for row in found]


def _rewriting(owner: sa.Engine) -> list[str]:
    """Give what the role could rewrite of any table whose name says that it is the ledger's."""
    tables = (
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'ledger%' ORDER BY 1"
    )
    found: list[str] = []
    with owner.connect() as connection:
        names = connection.execute(sa.text(tables)).scalars().all()
        assert set(LEDGER) <= set(names)
        for name in names:
            given = [
                right
                for right in REWRITING
                if connection.execute(
                    sa.text(f"SELECT has_table_privilege('{ROLE}', '{name}', '{right}')")
                ).scalar()
            ]
            found += [f"{right} on {name}" for right in given]
            part = f"SELECT has_any_column_privilege('{ROLE}', '{name}', 'UPDATE')"
            if "UPDATE" not in given and connection.execute(sa.text(part)).scalar():
                found.append(f"UPDATE of a column of {name}")
    return found


def _run(engine: sa.Engine, statements: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
