"""What the ledger asks of PostgreSQL in one call each: every statement sent by itself costs more than its work.

The functions do what the gateway's role may do and no more. Their statements are planned once for a connection; they
keep to the indexes, because a plan made while a table was empty would read all of it when it is large.
"""

from __future__ import annotations

ONE_AT_A_TIME = 0x6C656467  # "ledg": the advisory lock under which the tree grows
STALLED = (
    "3s"  # a sequencer that hangs in the middle loses its connection, and with it the lock, after this long
)

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
      DELETE FROM ledger_pending WHERE number = ANY ($3);
    END""",
)

FUNCTIONS = (_APPEND, _TAKE, _PLACE)
