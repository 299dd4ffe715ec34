"""What the ledger asks of PostgreSQL in one call each: every statement sent by itself costs more than its work.

The functions do what the gateway's role may do and no more. Their statements are planned once for a connection; they
keep to the indexes, because a plan made while a table was empty would read all of it when it is large.

The few rows that change or go after they were written do so by `CHANGES` alone. These run as the tables' owner, for
whoever was granted them, and each looks itself whether the log says what it is asked to do.
"""

from __future__ import annotations

from gateway.ledger.entries import NEVER_ERASED

ONE_AT_A_TIME = 0x6C656467  # "ledg": the advisory lock under which the tree grows
STALLED = (
    "3s"  # a sequencer that hangs in the middle loses its connection, and with it the lock, after this long
)

REFUSAL = "the ledger is only added to"
_REFUSE = f"RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';"
_MADE = (
    "CREATE OR REPLACE FUNCTION {} LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan "
    "AS $$ #variable_conflict use_column\n {} $$"
)

# The entries of one act: their records, their leaves in the outbox, their links to persons.
_APPEND = _MADE.format(
    "ledger_append(entries jsonb) RETURNS void",
    """BEGIN
      INSERT INTO ledger_record SELECT * FROM jsonb_populate_recordset(NULL::ledger_record, entries);
      INSERT INTO ledger_pending (entry_id, leaf)
        SELECT entry_id, leaf FROM jsonb_to_recordset(entries) AS one (entry_id text, leaf bytea);
      INSERT INTO ledger_subject (subject_id, entry_id, partnership_id)
        SELECT person, entry_id, partnership_id
        FROM jsonb_to_recordset(entries) AS one (entry_id text, partnership_id text, subjects text[]),
          unnest(subjects) AS person;
    END""",
)

# What others have placed of those waited for; once the turn is the caller's, also what waits in the outbox after a
# number, and the newest checkpoint. Who needs no answer stands in the queue for the lock. Whoever waits for an answer
# lets another finish and only tries, together with all others who wait: a queue would let them in one by one, to find
# in turn that nothing is left to do.
_TAKE = _MADE.format(
    "ledger_take(waiting text[], after bigint, most int, OUT placed text[], "
    "OUT numbers bigint[], OUT entry_ids text[], OUT leaves bytea[], "
    "OUT life int, OUT origin text, OUT log_key text, OUT note text)",
    f"""DECLARE turn boolean := true;
    BEGIN
      PERFORM set_config('idle_in_transaction_session_timeout', '{STALLED}', true);
      IF waiting = '{{}}' THEN
        PERFORM pg_advisory_xact_lock({ONE_AT_A_TIME});
      ELSE
        PERFORM pg_advisory_lock_shared({ONE_AT_A_TIME});
        PERFORM pg_advisory_unlock_shared({ONE_AT_A_TIME});
        turn := pg_try_advisory_xact_lock({ONE_AT_A_TIME});
      END IF;
      SELECT array_agg(entry_id::text) INTO placed FROM ledger_leaf WHERE entry_id = ANY (waiting);
      IF turn THEN
        SELECT array_agg(number), array_agg(entry_id::text), array_agg(leaf) INTO numbers, entry_ids, leaves
          FROM (SELECT * FROM ledger_pending WHERE number > after ORDER BY number LIMIT most) AS outbox;
        SELECT number, origin, log_key INTO life, origin, log_key FROM ledger_epoch ORDER BY number DESC LIMIT 1;
        SELECT note INTO note FROM ledger_checkpoint WHERE epoch = life ORDER BY size DESC LIMIT 1;
      END IF;
    END""",  # noqa: S608 - made of our own constants
)

# Leaves get the places from `start` on, in order, under one new checkpoint, and leave the outbox.
_PLACE = _MADE.format(
    "ledger_place(epoch int, start bigint, numbers bigint[], entry_ids text[], leaves bytea[], size bigint, "
    "note text, at timestamptz) RETURNS void",
    """BEGIN
      INSERT INTO ledger_leaf (epoch, position, entry_id, leaf)
        SELECT $1, $2 + nth - 1, placed.entry_id, placed.leaf
        FROM unnest($4, $5) WITH ORDINALITY AS placed (entry_id, leaf, nth);
      INSERT INTO ledger_checkpoint (epoch, size, note, at) VALUES ($1, $6, $7, $8);
      PERFORM ledger_leave_outbox($3);
    END""",
)

# What an entry of the log says, or waits to say; refused for one that isn't there or is of another kind.
_SAID = _MADE.format(
    "ledger_said(by_entry text, act text) RETURNS jsonb",
    """DECLARE said jsonb;
    BEGIN
      SELECT record::jsonb INTO said FROM ledger_record WHERE entry_id = by_entry AND kind = act AND (
        (SELECT leaf FROM ledger_pending WHERE ledger_pending.entry_id = by_entry) IS NOT NULL
        OR (SELECT leaf FROM ledger_leaf WHERE ledger_leaf.entry_id = by_entry) IS NOT NULL);
      IF said IS NULL THEN REFUSE; END IF;
      RETURN said;
    END""".replace("REFUSE;", _REFUSE),
)

_NEVER = ", ".join(f"'{kind}'" for kind in sorted(NEVER_ERASED))
CHANGES = {
    # A leaf that has its place leaves the outbox.
    "ledger_leave_outbox(numbers bigint[])": """BEGIN
      DELETE FROM ledger_pending WHERE number = ANY (numbers)
        AND (SELECT leaf FROM ledger_leaf WHERE ledger_leaf.entry_id = ledger_pending.entry_id) = leaf;
    END""",
    # Record, links and hold of entries go once the log says that they were erased.
    "ledger_erase(entry_ids text[])": f"""DECLARE one text; said jsonb;
    BEGIN
      FOREACH one IN ARRAY entry_ids LOOP
        said := ledger_said((SELECT by_entry_id FROM ledger_erasure WHERE entry_id = one), 'entry.erased');
        IF (said #> '{{codes,entries}}' @> to_jsonb(one)) IS NOT TRUE THEN REFUSE; END IF;
        DELETE FROM ledger_hold WHERE entry_id = one;
        DELETE FROM ledger_subject WHERE entry_id = one;
        DELETE FROM ledger_record WHERE entry_id = one AND salt IS NOT NULL AND kind NOT IN ({_NEVER});
        IF NOT FOUND THEN REFUSE; END IF;
      END LOOP;
    END""",  # noqa: S608 - made of our own constants
    # Whoever decides about a hold waits for who is deciding about it.
    "ledger_lock_hold(held text)": """BEGIN
      PERFORM 1 FROM ledger_hold WHERE entry_id = held FOR UPDATE;
    END""",
    # An entry stays held as its review says.
    "ledger_keep_hold(held text, by_entry text)": """DECLARE said jsonb := ledger_said(by_entry, 'entry.reviewed');
    BEGIN
      UPDATE ledger_hold SET by_entry_id = by_entry, reviewer_post_id = said #>> '{refs,reviewer}',
          review_on = (said #>> '{codes,review_on}')::date
        WHERE entry_id = held AND entry_id = said #>> '{refs,entry}' AND revealed_by_entry_id IS NULL;
      IF NOT FOUND THEN REFUSE; END IF;
    END""",
    # A held entry is revealed once the log says so.
    "ledger_reveal(held text, by_entry text)": """DECLARE said jsonb := ledger_said(by_entry, 'entry.revealed');
    BEGIN
      UPDATE ledger_hold SET revealed_by_entry_id = by_entry
        WHERE entry_id = held AND entry_id = said #>> '{refs,entry}' AND revealed_by_entry_id IS NULL;
      IF NOT FOUND THEN REFUSE; END IF;
    END""",
    # A witness's line under a checkpoint; of two under the same one its later, by which the lag is reckoned.
    "ledger_cosign(of_epoch int, of_size bigint, by_witness text, signed text, signed_at timestamptz)": """BEGIN
      IF (SELECT note FROM ledger_checkpoint WHERE epoch = of_epoch AND size = of_size) IS NULL THEN REFUSE; END IF;
      INSERT INTO ledger_cosignature AS former (epoch, size, witness, line, at)
        VALUES (of_epoch, of_size, by_witness, signed, signed_at)
        ON CONFLICT (epoch, size, witness) DO UPDATE SET line = signed, at = signed_at WHERE former.at < signed_at;
    END""",
    # A worker's word that the log is damaged; it takes back its own, and what counts no more.
    "ledger_raise_alarm(by_worker text, says text, since timestamptz, counts_until timestamptz)": """BEGIN
      INSERT INTO ledger_alarm (worker, problem, found_at, until) VALUES (by_worker, says, since, counts_until)
        ON CONFLICT (worker) DO UPDATE SET problem = says, found_at = since, until = counts_until;
    END""",
    "ledger_take_back_alarm(by_worker text, over_at timestamptz)": """BEGIN
      DELETE FROM ledger_alarm WHERE worker = by_worker OR until <= over_at;
    END""",
}


def _for_whoever_is_granted(form: str, body: str) -> str:
    made = _MADE.format(f"{form} RETURNS void", body.replace("REFUSE;", _REFUSE))
    return made.replace("LANGUAGE plpgsql", "LANGUAGE plpgsql SECURITY DEFINER", 1)


def named(form: str) -> str:
    """Give a function's name with the types of what it takes, from a form of `CHANGES`."""
    name, taken = form.rstrip(")").split("(")
    return f"{name}({', '.join(one.split(' ', 1)[1] for one in taken.split(', '))})"


# Nothing that somebody else may create can come before what the functions mean: they look where the tables are, and in
# what belongs to the server itself. Upgrades may be run by another than the tables' owner.
_OWNED = f"""DO $$ DECLARE whose text; home text; one text;
    BEGIN
      SELECT quote_ident(pg_get_userbyid(relowner)), relnamespace::regnamespace INTO whose, home
        FROM pg_class WHERE oid = 'ledger_leaf'::regclass;
      FOREACH one IN ARRAY ARRAY[{", ".join(f"'{named(form)}'" for form in CHANGES)}] LOOP
        EXECUTE 'ALTER FUNCTION ' || one || ' SET search_path = pg_catalog, ' || home || ', pg_temp';
        EXECUTE 'ALTER FUNCTION ' || one || ' OWNER TO ' || whose;
        EXECUTE 'REVOKE ALL ON FUNCTION ' || one || ' FROM PUBLIC';
      END LOOP;
    END $$"""  # noqa: S608 - made of our own constants

FUNCTIONS = (
    _APPEND,
    _TAKE,
    _PLACE,
    _SAID,
    *(_for_whoever_is_granted(*one) for one in CHANGES.items()),
    _OWNED,
)
