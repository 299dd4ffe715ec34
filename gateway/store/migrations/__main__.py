"""Write the next migration: `python -m gateway.store.migrations "what changes"`."""

import sys
import tempfile
from pathlib import Path

from gateway.store import migrate
from gateway.store.engine import make_engine


def main() -> None:
    """Compare a fresh store after all migrations with the models and write the difference down."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'store.sqlite3'}")
        migrate.write(engine, " ".join(sys.argv[1:]))


if __name__ == "__main__":
    main()
