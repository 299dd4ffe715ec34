"""The outbox: entries are read once they are committed, noted for whom they concern, and mailed without saying what."""

from __future__ import annotations

import smtplib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

import sqlalchemy as sa
import structlog
from sqlmodel import col, select

from gateway.assembly import Gateway
from gateway.errors import Erased, NotFound
from gateway.ledger import read
from gateway.ledger.models import LedgerLeaf, LedgerRecord
from gateway.notices.models import Cause, Notice, NoticeCursor
from gateway.notices.who import to_tell
from gateway.registry import people
from gateway.registry.models import Partnership, Post
from gateway.review import holding
from gateway.settings import MailSettings
from gateway.store.unit_of_work import Unit

ATTEMPTS = 5
_BATCH = 500
_SECONDS = 20
_log = structlog.get_logger(__name__)

Send = Callable[[EmailMessage], None]


@dataclass(frozen=True)
class Ran:
    """What a run did: notices noted, mails sent, mails that failed and are tried again."""

    noted: int
    sent: int
    failed: int


def run(gateway: Gateway, send: Send | None = None) -> Ran:
    """Note what happened since the last run and what is due, and mail whoever has something to read.

    Without a mail server in the settings nothing is mailed, and the notices stay in the pages. Whoever runs it twice at
    once notes nothing twice.
    """
    with gateway.store.reading() as unit:
        partnerships = unit.session.exec(select(Partnership.id)).all()
    noted = 0
    for partnership_id in partnerships:
        with gateway.store.writing() as unit:
            noted += collect(unit, partnership_id) + remind(unit, partnership_id)
    chosen = send or (smtp(gateway.settings.mail) if gateway.settings.mail.host else None)
    sent, failed = deliver(gateway, chosen) if chosen else (0, 0)
    return Ran(noted, sent, failed)


def collect(unit: Unit, partnership_id: str) -> int:
    """Read a partnership's new entries by their place in the log and note whom they concern; give how many notices."""
    noted = 0
    for epoch in unit.session.exec(select(LedgerLeaf.epoch).distinct().order_by(col(LedgerLeaf.epoch))).all():
        cursor = _cursor(unit, partnership_id, epoch)
        for position, entry_id in _since(unit, partnership_id, epoch, cursor.position):
            noted += _note(unit, partnership_id, entry_id)
            cursor.position = position
        unit.session.add(cursor)
    return noted


def remind(unit: Unit, partnership_id: str) -> int:
    """Note whom the reviews that are due concern, and once they are late their agency's officers; give how many."""
    wanted: set[tuple[str, str, Cause]] = set()
    for due in holding.reminders(unit, partnership_id):
        wanted |= {(post_id, due.by_entry_id, Cause.DUE) for post_id in due.reviewers}
        wanted |= {(post_id, due.by_entry_id, Cause.LATE) for post_id in due.officers}
    entries = {entry_id for _, entry_id, _ in wanted}
    told = unit.session.exec(
        select(Notice.post_id, Notice.entry_id, Notice.cause).where(col(Notice.entry_id).in_(entries))
    )
    new = sorted(wanted - {(post_id, entry_id, Cause(cause)) for post_id, entry_id, cause in told})
    for post_id, entry_id, cause in new:
        unit.session.add(
            Notice(partnership_id=partnership_id, post_id=post_id, entry_id=entry_id, cause=cause)
        )
    return len(new)


def deliver(gateway: Gateway, send: Send) -> tuple[int, int]:
    """Mail each post that has unmailed notices, once; give how many were sent and how many failed.

    Nothing is sent inside a transaction; a mail that fails is tried again at the next run, at most five times.
    """
    with gateway.store.reading() as unit:
        waiting = _waiting(unit)
        addresses = {post_id: _address_of(unit, post_id) for post_id in waiting}
    sent = failed = 0
    for post_id, notice_ids in waiting.items():
        address = addresses[post_id]
        went = address is not None and _try(send, _message(gateway, address))
        if address is not None:
            sent, failed = sent + went, failed + (not went)
        with gateway.store.writing() as unit:
            _mark(unit, notice_ids, went=went)
    return sent, failed


def unseen(unit: Unit, post_id: str) -> list[Notice]:
    """Give a post's notices that it hasn't marked as read, newest first."""
    rows = select(Notice).where(Notice.post_id == post_id, col(Notice.seen_at).is_(None))
    return list(unit.session.exec(rows.order_by(col(Notice.created_at).desc())))


def mark_seen(unit: Unit, post_id: str) -> int:
    """Mark all of a post's notices as read; give how many."""
    rows = unseen(unit, post_id)
    for row in rows:
        row.seen_at = unit.now
        unit.session.add(row)
    return len(rows)


def smtp(mail: MailSettings) -> Send:
    """Give a sender over the configured SMTP server."""

    def send(message: EmailMessage) -> None:
        with smtplib.SMTP(mail.host, mail.port, timeout=_SECONDS) as server:
            if mail.starttls:
                server.starttls()
            if mail.username and mail.password is not None:
                server.login(mail.username, mail.password.get_secret_value())
            server.send_message(message)

    return send


def _cursor(unit: Unit, partnership_id: str, epoch: int) -> NoticeCursor:
    chosen = select(NoticeCursor).where(
        NoticeCursor.partnership_id == partnership_id, NoticeCursor.epoch == epoch
    )
    found = unit.session.exec(chosen.with_for_update()).first()
    return found or NoticeCursor(partnership_id=partnership_id, epoch=epoch, position=-1)


def _since(unit: Unit, partnership_id: str, epoch: int, position: int) -> list[tuple[int, str]]:
    rows = (
        sa.select(col(LedgerLeaf.position), col(LedgerLeaf.entry_id))
        .join(LedgerRecord, col(LedgerRecord.entry_id) == col(LedgerLeaf.entry_id))
        .where(
            col(LedgerRecord.partnership_id) == partnership_id,
            col(LedgerLeaf.epoch) == epoch,
            col(LedgerLeaf.position) > position,
        )
        .order_by(col(LedgerLeaf.position))
        .limit(_BATCH)
    )
    return [(at, entry_id) for at, entry_id in unit.session.execute(rows)]


def _note(unit: Unit, partnership_id: str, entry_id: str) -> int:
    try:
        entry = read.entry(unit, entry_id)
    except (NotFound, Erased):
        return 0  # sealed or erased: nobody is told of what may not be read
    posts = to_tell(unit, entry)
    for post_id in sorted(posts):
        unit.session.add(Notice(partnership_id=partnership_id, post_id=post_id, entry_id=entry_id))
    return len(posts)


def _waiting(unit: Unit) -> dict[str, list[str]]:
    rows = unit.session.exec(
        select(Notice).where(
            col(Notice.mailed_at).is_(None), col(Notice.seen_at).is_(None), Notice.attempts < ATTEMPTS
        )
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row.post_id].append(row.id)
    return found


def _address_of(unit: Unit, post_id: str) -> str | None:
    return people.contact_of(unit, unit.session.get_one(Post, post_id).person_id)


def _message(gateway: Gateway, address: str) -> EmailMessage:
    """The one mail there is: the same for everybody and everything (promise 7)."""
    message = EmailMessage()
    message["From"] = gateway.settings.mail.sender
    message["To"] = address
    message["Subject"] = gateway.settings.mail.subject
    message.set_content(f"You have something to read.\n\n{gateway.settings.web.public_url}\n")
    return message


def _try(send: Send, message: EmailMessage) -> bool:
    try:
        send(message)
    except (OSError, smtplib.SMTPException) as error:
        # The kind and not the words: a server's answer repeats the address.
        _log.warning("notice.not_sent", kind=type(error).__name__)
        return False
    return True


def _mark(unit: Unit, notice_ids: list[str], *, went: bool) -> None:
    for row in unit.session.exec(select(Notice).where(col(Notice.id).in_(notice_ids)).with_for_update()):
        row.attempts += 1
        row.mailed_at = unit.now if went else None
        unit.session.add(row)
