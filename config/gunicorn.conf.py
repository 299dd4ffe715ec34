"""How the workers run: `gateway run` starts gunicorn with this file.

Bare gunicorn is for the demonstration: 200 slow clients stop it (measured). In production nginx.conf stands in front.
"""

import os
from pathlib import Path

from gateway.settings import load

_settings = load()

# prometheus_client looks for this folder when the gateway's counts are first imported, so it stands before that.
_counts = (_settings.paths.var / "metrics").absolute()
_counts.mkdir(parents=True, exist_ok=True, mode=0o700)
for _old in _counts.glob("*.db"):
    _old.unlink()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_counts)

bind = _settings.serve.address
worker_class = "gthread"
workers = _settings.serve.workers
threads = _settings.serve.threads
timeout = 60
graceful_timeout = 20
keepalive = 5

# A worker is renewed before a leak could matter; the jitter keeps them from going together.
max_requests = 20_000
max_requests_jitter = 2_000

# Heartbeats in memory: a busy disk must not kill a worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
umask = 0o077
# gunicorn opens a control socket in the home directory unless it is told not to.
control_socket_disable = True

# Only the proxy on this host may say who the client is; two names for one header are dropped.
forwarded_allow_ips = "127.0.0.1,::1"
header_map = "drop"
forwarder_headers = "SCRIPT_NAME,PATH_INFO"
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190

# The gateway logs each request itself, by endpoint; gunicorn's access log would hold paths.
accesslog = None
errorlog = "-"
loglevel = "warning"
proc_name = "disclosure-gateway"


def child_exit(_server, worker):  # type: ignore[no-untyped-def]
    """Fold the counts of a worker that ended into those of the others."""
    from gateway.observe import worker_ended

    worker_ended(worker.pid)
