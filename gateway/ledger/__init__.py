"""What happened, kept so that nobody can change it unseen: entries in an RFC 6962 tree under signed checkpoints.

`append.record` writes an entry in the caller's transaction; `read` finds entries; `publish` and `export` let others
check them, `verify` and `audit` check them here. The hashing and checking itself is the package `gateway_verify`, which
runs without the gateway.
"""
