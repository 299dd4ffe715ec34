"""Upgrading: the shipped migrations make the tables of the code, whole or not at all, and keep what is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel, col, select

import gateway
from gateway.clock import FixedClock, local_day
from gateway.errors import Misconfigured
from gateway.notices.models import Cause, Notice
from gateway.policy.models import PolicySigner
from gateway.registry import contacts, people
from gateway.registry.actors import authorities_of
from gateway.registry.models import Post
from gateway.review.models import (
    EntryErasure,
    ErasureGround,
    ErasureState,
    RestoreDeclaration,
    RestoreState,
)
from gateway.store import migrate
from gateway.store.engine import make_engine, writing
from gateway.store.modules import MODEL_MODULES
from gateway.store.tables import Row
from gateway.store.unit_of_work import Store
from gateway.store.vault import Scope, Vault, VaultKey
from tests.postgres import Postgres

CODE = Path(gateway.__file__).parent
OWNER = "1" * 32
# The tables of the installation, not of a partnership: keys' epochs, the tree, proofs seen before anyone is known.
WITHOUT_PARTNERSHIP = ("ledger_", "vault_epoch", "seen_proof")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a database with nothing in it."""
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    url = server.fresh(None) if server else f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    engine = make_engine(url)
    yield engine
    engine.dispose()
    if server:
        server.drop(url)


def test_the_migrations_make_the_tables_of_the_code(empty: Engine) -> None:
    assert migrate.pending(empty) == migrate.upgrade(empty) != []
    assert migrate.differences(empty) == []
    assert migrate.pending(empty) == []


def test_a_table_that_differs_is_seen(empty: Engine) -> None:
    """Planted fault: a column is missing."""
    migrate.upgrade(empty)
    with writing(empty).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE vault_epoch DROP COLUMN root_name")
    assert len(migrate.differences(empty)) == 1


def test_upgrading_again_changes_nothing_and_keeps_the_data(
    empty: Engine, clock: FixedClock, vault: Vault
) -> None:
    migrate.upgrade(empty)
    sealed = fill(empty, clock, vault)
    assert migrate.upgrade(empty) == []
    assert read(empty, clock, vault, sealed) == "words"


def test_a_later_migration_changes_a_filled_table_and_keeps_its_rows(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    migrate.upgrade(empty)
    sealed = fill(empty, clock, vault)
    later = scripts_with(
        tmp_path, 'batch.add_column(sa.Column("note", sa.String(), server_default="", nullable=False))'
    )
    assert migrate.upgrade(empty, later) == ["later"]
    assert len(migrate.differences(empty)) == 1
    assert read(empty, clock, vault, sealed) == "words"


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """Planted fault: the second step of a migration breaks."""
    migrate.upgrade(empty)
    sealed = fill(empty, clock, vault)
    broken = scripts_with(tmp_path, 'batch.add_column(sa.Column("note", sa.String()))', "raise LookupError")
    with pytest.raises(LookupError):
        migrate.upgrade(empty, broken)
    assert migrate.differences(empty) == []
    assert read(empty, clock, vault, sealed) == "words"


def test_a_store_of_a_newer_version_is_refused(empty: Engine, tmp_path: Path) -> None:
    migrate.upgrade(empty, scripts_with(tmp_path, "pass"))
    with pytest.raises(Misconfigured, match="newer version"):
        migrate.upgrade(empty)


def test_links_hold_after_an_upgrade(empty: Engine, clock: FixedClock, vault: Vault) -> None:
    migrate.upgrade(empty)
    fill(empty, clock, vault)
    with pytest.raises(sa.exc.IntegrityError), writing(empty).begin() as connection:
        connection.exec_driver_sql("DELETE FROM vault_epoch")


def test_the_list_of_modules_names_every_table() -> None:
    tables = re.compile(r"^class \w+\(.*\btable=True\)", re.MULTILINE)
    sources = (path for path in CODE.rglob("*.py") if tables.search(path.read_text()))
    assert {".".join(path.relative_to(CODE.parent).with_suffix("").parts) for path in sources} == set(
        MODEL_MODULES
    )


def test_every_row_belongs_to_a_partnership_and_has_a_random_id() -> None:
    for table in SQLModel.metadata.tables.values():
        if not table.name.startswith(WITHOUT_PARTNERSHIP):
            assert "partnership_id" in table.columns, table.name


def test_a_row_is_dated_by_its_unit(store: Store) -> None:
    assert issubclass(Row, SQLModel)
    with store.writing() as unit:
        unit.vault.seal(unit.session, Scope.CASE, OWNER, "words", where="here")
        assert unit.session.exec(select(VaultKey.created_at)).one() == unit.now


def fill(engine: Engine, clock: FixedClock, vault: Vault) -> bytes:
    with Store(engine, clock, vault).writing() as unit:
        return vault.seal(unit.session, Scope.SUBJECT, OWNER, "words", where="here")


def read(engine: Engine, clock: FixedClock, vault: Vault, sealed: bytes) -> str:
    with Store(engine, clock, vault).reading() as unit:
        return vault.open(unit.session, Scope.SUBJECT, OWNER, sealed, where="here")


def scripts_with(folder: Path, *steps: str) -> Path:
    """Give a copy of the shipped migrations with one more that changes `vault_key` in `steps`."""
    scripts = folder / "migrations"
    shutil.copytree(migrate.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(path.stem.split("_")[0] for path in (scripts / "versions").glob("*.py"))
    lines = [
        "import sqlalchemy as sa",
        "from alembic import op",
        'revision = "later"',
        f'down_revision = "{head}"',
    ]
    lines += ["def upgrade():"]
    for step in steps:
        lines += ['    with op.batch_alter_table("vault_key") as batch:', f"        {step}"]
    (scripts / "versions" / "later.py").write_text("\n".join(lines))
    return scripts


def test_cover_of_an_older_version_is_kept_and_lends_nothing_until_it_is_agreed_to(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """0004 on a register that 0003 filled: every row stays, and what one person lent waits for a second."""
    fill_an_older(empty, clock, tmp_path, "0003")
    assert migrate.upgrade(empty)[0] == "0004"
    assert migrate.differences(empty) == []
    with Store(empty, clock, vault).reading() as unit:
        [chair, _] = unit.session.exec(select(Post).order_by(col(Post.id)))
        assert people.covers(unit, "b" * 32) == {"a" * 32}
        assert (chair.cover_post_id, chair.cover_asked_by_post_id) == ("b" * 32, None)
        day = local_day(unit.now)
        assert authorities_of(unit, chair.id, day) == {"mappa_chair"}
        assert authorities_of(unit, chair.id, day, lent_to_post_id="b" * 32) == frozenset()


def test_erasures_wait_in_a_store_of_an_older_version(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """0006 on a store that 0005 filled: every row stays, and one can be asked for."""
    fill_an_older(empty, clock, tmp_path, "0005")
    assert migrate.upgrade(empty)[0] == "0006"
    assert migrate.differences(empty) == []
    with Store(empty, clock, vault).writing() as unit:
        assert len(unit.session.exec(select(Post)).all()) == 2
        unit.session.add(
            EntryErasure(
                partnership_id="1" * 32,
                entry_id="e" * 32,
                controller_agency_id="9" * 32,
                state=ErasureState.WAITING,
                ground=ErasureGround.COURT_ORDER,
                words_scope=Scope.PARTNERSHIP,
                words_owner_id="1" * 32,
                asked_by_post_id="a" * 32,
            )
        )


def test_notices_of_an_older_version_are_kept_and_a_review_may_be_told_of_beside_its_entry(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """0009 on a store that 0008 filled: what was told is not told again, and what is due can be."""
    fill_an_older(empty, clock, tmp_path, "0008")
    with writing(empty).begin() as connection:
        tables = sa.MetaData()
        tables.reflect(connection, only=["notice"])
        row = {"id": "f" * 32, "partnership_id": "1" * 32, "created_at": clock.now(), "attempts": 1}
        told = {"post_id": "a" * 32, "entry_id": "e" * 32, "mailed_at": clock.now()}
        connection.execute(tables.tables["notice"].insert(), row | told)
    assert migrate.upgrade(empty)[0] == "0009"
    assert migrate.differences(empty) == []
    with Store(empty, clock, vault).writing() as unit:
        [kept] = unit.session.exec(select(Notice)).all()
        assert (kept.cause, kept.mailed_at) == (Cause.ENTRY, clock.now())
        again = Notice(partnership_id="1" * 32, post_id="a" * 32, entry_id="e" * 32, cause=Cause.DUE)
        unit.session.add(again)
        unit.session.flush()
        again.cause = Cause.ENTRY
        with pytest.raises(sa.exc.IntegrityError):
            unit.session.flush()
        unit.session.rollback()


def test_restores_wait_in_a_store_of_an_older_version(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """0008 on a store that 0006 filled: a signing key that is there has its entry, and a restore can be declared."""
    fill_an_older(empty, clock, tmp_path, "0006")
    with writing(empty).begin() as connection:
        keys = sa.Table("policy_signer", sa.MetaData(), autoload_with=connection)
        row = {"id": "e" * 32, "partnership_id": "1" * 32, "created_at": clock.now(), "person_id": "a" * 32}
        key = {"kid": "k", "public": "p", "private": b"s", "certificate": "c"}
        connection.execute(keys.insert(), row | key)
    assert "0008" in migrate.upgrade(empty)
    assert migrate.differences(empty) == []
    with Store(empty, clock, vault).writing() as unit:
        signer = unit.session.exec(select(PolicySigner)).one()
        assert (signer.person_id, signer.public, signer.waits_since) == ("a" * 32, "p", None)
        unit.session.add(
            RestoreDeclaration(
                partnership_id="1" * 32,
                reference="CDFG-HJKM",
                state=RestoreState.WAITING,
                former_origin="log.example",
                former_key="k",
                witnessed_size=5,
                witnessed_root="r",
                held=3,
                number=2,
                reasons=b"sealed",
                reasons_digest="d",
                declared_by_post_id="a" * 32,
                declared_at=unit.now,
                first_key="p",
                first_signature="s",
            )
        )


def test_safe_contacts_of_an_older_version_still_count_and_name_nobody(
    empty: Engine, clock: FixedClock, vault: Vault, tmp_path: Path
) -> None:
    """0010 on a store that 0009 filled: what was on file is on file, confirmed by nobody known, and not withdrawn."""
    fill_an_older(empty, clock, tmp_path, "0009")
    with writing(empty).begin() as connection:
        tables = sa.MetaData()
        tables.reflect(connection, only=["subject", "safe_contact"])
        kept = {"partnership_id": "1" * 32, "created_at": clock.now()}
        her = {"reference": "K7Q2-M4XD", "controller_agency_id": "9" * 32, "capacity": "x", "state": "active"}
        connection.execute(tables.tables["subject"].insert(), {"id": "d" * 32, **kept, **her})
        way = {"subject_id": "d" * 32, "controller_agency_id": "9" * 32, "details": b"sealed"}
        dated = {"confirmed_on": local_day(clock.now())}
        connection.execute(tables.tables["safe_contact"].insert(), {"id": "f" * 32, **kept, **way, **dated})
    assert migrate.upgrade(empty)[0] == "0010"
    assert migrate.differences(empty) == []
    with Store(empty, clock, vault).reading() as unit:
        [row] = contacts.that_count(unit, "d" * 32)
        assert (row.details, row.confirmed_by_post_id, row.withdrawn_at) == (b"sealed", None, None)
        assert contacts.on_file(unit, "d" * 32)


def fill_an_older(engine: Engine, clock: FixedClock, folder: Path, version: str) -> None:
    """Make the store of an older version, with a chair who is off duty."""
    migrate.upgrade(engine, scripts_until(folder, version))
    with writing(engine).begin() as connection:
        cover_somebody(connection, clock.now())


def cover_somebody(connection: sa.Connection, now: datetime) -> None:
    """Write a chair who is off duty, with a colleague standing in, as the tables of a store are."""
    tables = sa.MetaData()
    tables.reflect(connection)
    chair, colleague, place, agency = ("a" * 32, "b" * 32, "1" * 32, "9" * 32)

    def put(table: str, row_id: str, **values: object) -> None:
        row = {"id": row_id, "partnership_id": place, "created_at": now, **values}
        connection.execute(tables.tables[table].insert(), row)

    put("partnership", place, code="old", name="Old", nation="england_and_wales", timezone="Europe/London")
    put("agency", agency, code="probation", name="Old", agency_type="probation", answers_within_days=5)
    for one in (chair, colleague):
        put("person", one, name=f"Somebody {one[0]}")
    work = {"role": "mappa_chair", "face": "staff", "orientation": "neutral", "governs": False}
    for one in (colleague, chair):
        put("post", one, person_id=one, agency_id=agency, starts_on=now.date(), **work)
    away = {"off_duty_from": now, "off_duty_until": now + timedelta(days=3), "cover_post_id": colleague}
    posts = tables.tables["post"]
    connection.execute(posts.update().where(posts.c.id == chair).values(away))
    held = {"role_code": "mappa_chair", "approved_by_post_id": colleague, "starts_on": now.date()}
    put("post_authority", "c" * 32, post_id=chair, **held)


def scripts_until(folder: Path, last: str) -> Path:
    """Give a copy of the shipped migrations up to one of them: an older version of the gateway."""
    scripts = folder / "older"
    shutil.copytree(migrate.MIGRATIONS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (scripts / "versions").glob("*.py"):
        if path.stem.split("_")[0] > last:
            path.unlink()
    return scripts
