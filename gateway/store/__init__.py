"""Where things are kept: engine, unit of work, keys at rest, migrations and backups."""
