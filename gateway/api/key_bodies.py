"""What travels when a system registers the keys that parcels are sealed to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.api.operations import Wire

Jwk = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=200)]], Field(max_length=12)
]


class KeysIn(Wire):
    """Two public keys as JWK: the one in use, and the spare."""

    keys: list[Jwk] = Field(min_length=2, max_length=2)


class ChallengeOut(Wire):
    """Open this with the private key and send back what it says."""

    key_id: str
    kid: str
    place: str
    jwe: str


class ChallengesOut(Wire):
    """One challenge for each key."""

    challenges: list[ChallengeOut]


class AnswerIn(Wire):
    """What a challenge said."""

    answer: Annotated[str, Field(min_length=1, max_length=200)]


class KeyOut(Wire):
    """A key and where it stands."""

    key_id: str
    kid: str
    place: str
    state: str


class KeysOut(Wire):
    """The keys of this post."""

    keys: list[KeyOut]
