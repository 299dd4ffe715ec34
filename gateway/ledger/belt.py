"""The belt beside the braces: the database itself refuses to change or delete what the ledger holds.

The tree makes an edit visible; these triggers make an edit by mistake or by a stolen application password fail. Who
owns the database can remove them, which is why nothing rests on them.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ledger.functions import CHANGES, FUNCTIONS, REFUSAL, named

APPEND_ONLY = ("ledger_leaf", "ledger_tile", "ledger_checkpoint", "ledger_epoch", "ledger_erasure")
# Record and links go only after the erasure of their entry was itself recorded.
ERASABLE = ("ledger_record", "ledger_subject")
# These change by what is decided later, and go only with their entry or never.
KEPT = ("ledger_hold", "ledger_cosignature")
# What the gateway's role adds to, and what it only reads, because functions put it there.
ADDED_TO = (*APPEND_ONLY, *ERASABLE, "ledger_hold", "ledger_pending")
READ = ("ledger_cosignature", "ledger_alarm")
# What may stand once in a table: SQLite's REPLACE would take the row that is there away without asking its triggers.
_ONCE = {
    "ledger_leaf": ("epoch, position", "entry_id"),
    "ledger_tile": ("epoch, level, place",),
    "ledger_checkpoint": ("epoch, size",),
    "ledger_epoch": ("number", "origin"),
    "ledger_erasure": ("entry_id",),
    "ledger_record": ("entry_id",),
    "ledger_subject": ("subject_id, entry_id",),
}


def restricted_role(role: str) -> list[str]:
    """Give the SQL that leaves a PostgreSQL role what the gateway needs of the ledger and nothing to rewrite it with.

    Run it as the owner of the tables, after the migrations; the gateway then connects as `role`. It may not change or
    delete a row of any of these tables: that is left to the functions of `CHANGES`.
    """
    every = ", ".join((*ADDED_TO, *READ))
    home = "(SELECT relnamespace::regnamespace FROM pg_class WHERE oid = 'ledger_leaf'::regclass)"
    return [
        f"REVOKE ALL ON {every} FROM PUBLIC, {role}",
        f"GRANT SELECT ON {every} TO {role}",
        f"GRANT INSERT ON {', '.join(ADDED_TO)} TO {role}",
        f"GRANT USAGE ON SEQUENCE ledger_pending_number_seq TO {role}",
        f"GRANT EXECUTE ON FUNCTION {', '.join(map(named, CHANGES))} TO {role}",
        # Who may create in the tables' schema could put something of his own before what the functions mean.
        f"DO $$ BEGIN EXECUTE 'REVOKE CREATE ON SCHEMA ' || {home} || ' FROM PUBLIC, {role}'; END $$",
    ]


_UNLESS_ERASED = "NOT EXISTS (SELECT 1 FROM ledger_erasure WHERE entry_id = OLD.entry_id)"


def _sqlite() -> list[str]:
    def trigger(table: str, act: str, when: str = "") -> str:
        name = f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{act.lower()} BEFORE {act} ON {table}"
        return f"{name}{when} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"

    made = [trigger(table, act) for table in APPEND_ONLY for act in ("UPDATE", "DELETE")]
    made += [trigger(table, "UPDATE") for table in ERASABLE]
    made += [trigger(table, "DELETE", f" WHEN {_UNLESS_ERASED}") for table in (*ERASABLE, "ledger_hold")]
    made += [trigger("ledger_cosignature", "DELETE")]
    return made + [
        trigger(table, "INSERT", f" WHEN {_is_there(table, keys)}") for table, keys in _ONCE.items()
    ]


def _is_there(table: str, keys: Sequence[str]) -> str:
    new = [", ".join(f"NEW.{column}" for column in key.split(", ")) for key in keys]
    where = [f"({key}) = ({row})" for key, row in zip(keys, new, strict=True)]
    found = [f"EXISTS (SELECT 1 FROM {table} WHERE {one})" for one in where]  # noqa: S608 - names of this house
    return " OR ".join(found)


def _postgresql() -> list[str]:
    def trigger(table: str, name: str, acts: str, function: str, each: str = "ROW") -> str:
        made = f"CREATE OR REPLACE TRIGGER {table}_refuses_{name} BEFORE {acts} ON {table}"
        return f"{made} FOR EACH {each} EXECUTE FUNCTION {function}()"

    refuse = f"RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';"
    function = "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
    made = [
        function.format("ledger_refuse", refuse),
        function.format(
            "ledger_refuse_unless_erased", f"IF {_UNLESS_ERASED} THEN {refuse} END IF; RETURN OLD;"
        ),
    ]
    made += [trigger(table, "change", "UPDATE OR DELETE", "ledger_refuse") for table in APPEND_ONLY]
    made += [trigger(table, "update", "UPDATE", "ledger_refuse") for table in ERASABLE]
    made += [
        trigger(table, "delete", "DELETE", "ledger_refuse_unless_erased")
        for table in (*ERASABLE, "ledger_hold")
    ]
    made += [trigger("ledger_cosignature", "delete", "DELETE", "ledger_refuse")]
    every = (*APPEND_ONLY, *ERASABLE, *KEPT)
    return made + [trigger(table, "truncate", "TRUNCATE", "ledger_refuse", "STATEMENT") for table in every]


# Read by the store after every creation and upgrade of tables; each may be run again and again.
GUARDS: dict[str, tuple[str, ...]] = {"sqlite": tuple(_sqlite()), "postgresql": (*_postgresql(), *FUNCTIONS)}
