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
    "CREATE OR REPLACE FUNCTION {} LANGUAGE plpgsql SET enable_seqscan = off AS $$ "
    "#variable_conflict use_column\n {} $$"
)

# One entry: its record, its leaf in the outbox, its links to persons.
_APPEND = _MADE.format(
    "ledger_append(text, text, text, timestamptz, text, text, text, text, text, text, bytea, bytea, text, text, "
    "bytea, text[]) RETURNS void",
    """BEGIN
      INSERT INTO ledger_record (
        entry_id, partnership_id, kind, at, controller_agency_id, actor_post_id, actor_agency_id, case_id, request_id,
        record, salt, words, words_scope, words_owner_id
      ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);
      INSERT INTO ledger_pending (entry_id, leaf) VALUES ($1, $15);
      INSERT INTO ledger_subject (subject_id, entry_id, partnership_id) SELECT one, $1, $2 FROM unnest($16) AS one;
    END""",
)

# What waits in the outbox after a number, once the turn is the caller's; of those waited for, what others have placed
# (with no number). Who needs no answer stands in the queue for the lock. Whoever waits for an answer lets another
# finish and only tries, together with all others who wait: a queue would let them in one by one, to find in turn that
# nothing is left to do.
_TAKE = _MADE.format(
    "ledger_take(waiting text[], after bigint, most int) "
    "RETURNS TABLE (number bigint, entry_id text, leaf bytea)",
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
      RETURN QUERY SELECT NULL::bigint, placed.entry_id::text, NULL::bytea
        FROM ledger_leaf AS placed WHERE placed.entry_id = ANY (waiting);
      IF turn THEN
        RETURN QUERY SELECT outbox.number, outbox.entry_id::text, outbox.leaf
          FROM ledger_pending AS outbox WHERE outbox.number > after ORDER BY outbox.number LIMIT most;
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
