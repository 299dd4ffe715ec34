"""An agency's own system as a client: its key, the short tokens it was given, and the proofs already used."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from gateway.store.tables import Row, UtcDateTime


class ApiClient(Row, table=True):
    """A system that acts in a post of its agency; it signs with a key whose public half is here."""

    __tablename__ = "api_client"
    agency_id: str = Field(foreign_key="agency.id", index=True)
    post_id: str = Field(foreign_key="post.id", index=True)
    name: str
    jwk: str = Field(description="public JWK, JSON")
    thumbprint: str = Field(unique=True)
    registered_by_post_id: str = Field(foreign_key="post.id")
    approved_by_post_id: str | None = Field(default=None, foreign_key="post.id")
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ApiToken(Row, table=True):
    """A token for five minutes, of use only with proofs by the key it was bound to (RFC 9449)."""

    __tablename__ = "api_token"
    client_id: str = Field(foreign_key="api_client.id", index=True)
    digest: str = Field(unique=True)
    bound_to: str = Field(description="RFC 7638 thumbprint of the key that must sign each proof")
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SeenProof(SQLModel, table=True):
    """A proof or assertion that was used: the same one is never taken twice, on any worker."""

    __tablename__ = "seen_proof"
    digest: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
