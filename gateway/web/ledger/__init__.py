"""The ledger for other people's tools, under /ledger/: checkpoint, tiles and entries, as c2sp.org/tlog-tiles says."""

from gateway.web.ledger.views import blueprint

__all__ = ["blueprint"]
