"""What the gateway says about its own running: JSON log lines and counts, never about a person (promise 7)."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog
from prometheus_client import REGISTRY as ONE_PROCESS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from structlog.types import EventDict, Processor

# A log line may carry these and nothing else. Each is a name of ours, a number or a random id.
ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "logger",  # what every line has
        "request_id", "endpoint", "method", "status", "ms", "face",  # one request: the endpoint, never the path
        "code", "error", "kind", "where", "place", "why",  # what happened: names of ours, never a message
        "attempt", "count", "size", "limit", "seconds",
        "entry_id", "parcel_id", "post_id", "partnership_id",  # 128 random bits each
        "store", "env", "version", "port", "command", "provider", "witness",
    }
)  # fmt: skip
DROPPED = "dropped_keys"
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# An event is a name in code. A sentence could hold anything, and once did hold a name.
_EVENT = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{0,120}")
_UNSAID = "unsaid"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Labels come from small closed sets: an endpoint, a status, an outcome. A reference would name a case.
REQUESTS = Counter("gateway_requests", "Requests answered.", ["endpoint", "method", "status"])
REQUEST_SECONDS = Histogram(
    "gateway_request_seconds", "Seconds to answer a request.", ["endpoint"], buckets=_SECONDS
)
ENTRIES = Counter("gateway_entries", "Ledger entries that were committed, by kind of act.", ["kind"])
NOT_CONFIRMED = Counter(
    "gateway_not_confirmed", "Acts answered 503 because they could not be confirmed as recorded."
)
ALERTS = Counter(
    "gateway_alerts",
    "Faults that somebody has to look at now: what was logged as critical, by event.",
    ["event"],
)
WITNESS_LAG = Gauge(
    "gateway_witness_lag_seconds",
    "Seconds since a quorum of witnesses had cosigned the ledger; +Inf: never, NaN: it has no witnesses.",
    multiprocess_mode="mostrecent",
)
UNIT_SECONDS = Histogram(
    "gateway_unit_seconds", "Seconds a unit of work was open.", ["kind"], buckets=_SECONDS
)


def configure_logs(level: str = "info", stream: TextIO | None = None) -> None:
    """Log JSON lines of at least `level` to `stream` (standard error), for structlog and the standard library alike.

    Takes "debug", "info", "warning" or "error". Values that aren't on the list of allowed keys never come out.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        keep_only_allowed,
        count_alert,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_foreign_event, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=True, sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def keep_only_allowed(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """Drop every key that isn't allowed and every value that isn't plain; name the dropped keys, not their values.

    An exception comes out as its class and the place it was raised: its message may quote what a person wrote.
    """
    raised = line.pop("exc_info", None)
    if raised:
        line.update(_described(raised))
    kept: dict[str, Any] = {key: _plain(value) for key, value in line.items() if _is_kept(key)}
    if not _EVENT.fullmatch(str(line.get("event", ""))):
        kept["event"] = _UNSAID
    dropped = sorted(key for key in line if not _is_kept(key) and _EVENT.fullmatch(key))
    return kept | ({DROPPED: dropped} if dropped else {})


def count_alert(_logger: Any, method: str, line: EventDict) -> EventDict:
    """Count what is logged as critical, so that an alert needs no reading of logs."""
    if method == "critical":
        ALERTS.labels(line["event"]).inc()
    return line


def bind(**values: str | int | float) -> None:
    """Put `values` on every log line of this request, forgetting those of the request before."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**values)


def count_request(endpoint: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request; `endpoint` is the name of the view, "none" when none matched."""
    REQUESTS.labels(endpoint, method if method in {"GET", "POST", "HEAD"} else "other", str(status)).inc()
    REQUEST_SECONDS.labels(endpoint).observe(seconds)


def metrics_page() -> bytes:
    """Give all counts in Prometheus's text format, summed over the workers when there are several."""
    if not os.environ.get(MULTIPROCESS_VARIABLE):
        return generate_latest(ONE_PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def worker_ended(pid: int) -> None:
    """Fold a dead worker's gauges away (gunicorn's `child_exit`)."""
    if os.environ.get(MULTIPROCESS_VARIABLE):
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _is_kept(key: str) -> bool:
    return key in ALLOWED_KEYS or key.startswith("_")  # structlog's own marks are removed before rendering


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _UNSAID
    if isinstance(value, logging.LogRecord):
        return value
    return _UNSAID


def _described(raised: Any) -> dict[str, str]:
    error = _error_of(raised)
    if error is None:
        return {}
    return {"error": type(error).__name__, "where": _place(error)}


def _error_of(raised: Any) -> BaseException | None:
    if isinstance(raised, BaseException):
        return raised
    if isinstance(raised, tuple):
        found = raised[1]
        return found if isinstance(found, BaseException) else None
    return sys.exc_info()[1]


def _place(error: BaseException) -> str:
    frames: Iterable[Any] = _frames(error)
    ours = [
        (frame.f_code, line) for frame, line in frames if "gateway" in Path(frame.f_code.co_filename).parts
    ]
    if not ours:
        return "elsewhere"
    code, line = ours[-1]
    return f"{Path(code.co_filename).name}:{line}"


def _frames(error: BaseException) -> Iterable[tuple[Any, int]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _name_foreign_event(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # Other libraries log sentences with addresses and parameters in them; that they spoke is all that is kept.
    line["event"] = "library_message"
    return line
