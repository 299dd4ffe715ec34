"""Promise: what the browser computes is what the gateway computes: fingerprints, envelopes, proofs, passphrases."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gateway_verify.checkpoint import cosigner_key
from gateway_verify.errors import Unverified
from gateway_verify.policy import Policy, parse_policy
from joserfc.jwk import ECKey

from gateway.sealing import jwe
from gateway.sealing.envelope import BUCKETS, Envelope, Item, pack, unpack
from gateway.sealing.public_key import check_public_jwk, fingerprint
from tests.sealing.browser import Log
from tests.sealing.conftest import Node
from tests.shared import shared_path

ITEMS = (Item("text/plain", "text.txt", b"one"), Item("a/b", "c", bytes(5000), "caf\u00e9"))
ENVELOPE = Envelope("a" * 32, "b" * 32, ITEMS, ("m \u2013",))
# An empty tree proves nothing, so what the vectors let pass with one is refused here.
EMPTY = "empty root and leaf"


def test_fingerprints_are_the_same(node: Node) -> None:
    kids = [ECKey.generate_key("P-256").thumbprint() for _ in range(20)]
    said = node.run(
        "import { fingerprint } from './js/sealing/jwe.js';"
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(fingerprint)));",
        kids,
    )
    assert json.loads(said) == [fingerprint(kid) for kid in kids]


def test_envelopes_are_the_same(node: Node) -> None:
    packed = base64.b64encode(pack(ENVELOPE)).decode()
    said = node.run(
        "import { pack, unpack } from './js/sealing/envelope.js';"
        "const opened = await unpack(new Uint8Array(Buffer.from(JSON.parse(process.argv[1]), 'base64')));"
        "console.log(Buffer.from(await pack(opened)).toString('base64'));",
        packed,
    )
    again = base64.b64decode(said)
    assert unpack(again) == ENVELOPE
    assert len(again) in BUCKETS


def test_what_the_browser_seals_the_gateway_takes(node: Node) -> None:
    key = ECKey.generate_key("P-256")
    said = node.run(
        "import { seal } from './js/sealing/jwe.js';"
        "console.log(await seal(JSON.parse(process.argv[1]), new TextEncoder().encode('content')));",
        key.as_dict(private=False),
    ).strip()
    assert jwe.check_sealed(said, check_public_jwk(key.as_dict(private=False))) == len(b"content")
    assert jwe.open_sealed(said, key.as_dict(private=True)) == b"content"


def test_proofs_are_read_the_same(node: Node) -> None:
    log = Log()
    for number in range(11):
        log.add("release.made", codes={"n": str(number)})
    said = node.run(
        "import { checkProof, checkSignature, readProof } from './js/sealing/proof.js';"
        "const { proofs, vkey } = JSON.parse(process.argv[1]);"
        "for (const file of proofs) {"
        "  const proof = readProof(file);"
        "  await checkSignature(proof.checkpoint, [vkey]);"
        "  console.log((await checkProof(proof)).codes.n);"
        "}",
        {"proofs": [log.proof(index) for index in range(11)], "vkey": log.vkey},
    )
    assert said.split() == [str(number) for number in range(11)]


def test_a_logs_fingerprint_is_the_same(node: Node) -> None:
    vkeys = [Log(f"log{number}.example/x").verifier_key for number in range(20)]
    said = node.run(
        "import { fingerprintOf, digestOf } from './js/sealing/trust.js';"
        "const told = JSON.parse(process.argv[1]).map(async (vkey) =>"
        "  [await fingerprintOf({ vkeys: [vkey] }), await digestOf({ vkeys: [vkey] })]);"
        "console.log(JSON.stringify(await Promise.all(told)));",
        [str(vkey) for vkey in vkeys],
    )
    assert json.loads(said) == [[vkey.fingerprint, vkey.digest.hex()] for vkey in vkeys]


def test_what_two_officers_sign_of_a_restore_is_read_the_same(node: Node) -> None:
    former = Log("former.example/log")
    former.add("request.made")
    begun = Log("former.example/log/epoch-2")
    begun.begin_after(former, 1, 1, {})
    record = json.loads(begun.openings[0].record)
    refs, codes = record["refs"], record["codes"]
    spoilt = [record | {"partnership": "4" * 32}]
    spoilt += [record | {"refs": refs | {name: "4" * 32}} for name in refs]
    signed = sorted(set(codes) - {"lost"})  # who reads it subtracts
    spoilt += [record | {"codes": codes | {name: 7}} for name in signed]
    spoilt += [record | {"codes": {key: codes[key] for key in codes if key != name}} for name in signed]
    said = node.run(
        "import { checkOfficers } from './js/sealing/officers.js';"
        "const holds = (record) => checkOfficers(record).then(() => true, () => false);"
        "console.log(JSON.stringify(await Promise.all(JSON.parse(process.argv[1]).map(holds))));",
        [record, *spoilt],
    )
    held = json.loads(said)
    assert held[0]
    assert [spoilt[at] for at, holds in enumerate(held[1:]) if holds] == []


def _policy(draw: random.Random, keys: Sequence[str]) -> str:
    """Some of these witnesses, in groups of groups."""
    named = draw.sample(range(len(keys)), draw.randint(1, len(keys)))
    lines, free = [f"witness w{one} {keys[one]}" for one in named], [f"w{one}" for one in named]
    for number in range(draw.randint(0, 3)):
        members = [free.pop(draw.randrange(len(free))) for _ in range(draw.randint(1, len(free)))]
        lines.append(f"group g{number} {draw.randint(1, len(members))} {' '.join(members)}")
        free.append(f"g{number}")
    return "\n".join([*lines, f"quorum {draw.choice([*free, 'none'])}", ""])


def _weaker(shown: Policy, kept: Policy) -> bool:
    """Whether some witnesses are enough for one and not for the other, tried with every choice of them."""

    def met(policy: Policy, keys: Collection[str]) -> bool:
        return policy.met_by([one.name for one in policy.witnesses.values() if str(one.key) in keys])

    keys = [str(one.key) for one in shown.witnesses.values()]
    chosen = (some for count in range(len(keys) + 1) for some in combinations(keys, count))
    return any(met(shown, some) and not met(kept, some) for some in chosen)


def test_policies_are_read_and_compared_the_same(node: Node) -> None:
    draw = random.Random(7)
    keys = [str(cosigner_key(f"w{n}.example", Ed25519PrivateKey.generate())) for n in range(6)]
    pairs = [(_policy(draw, keys), _policy(draw, keys)) for _ in range(150)]
    said = node.run(
        "import { isMetBy, isWeaker, readPolicy } from './js/sealing/policy.js';"
        "const told = JSON.parse(process.argv[1]).map((pair) => {"
        "  const [shown, kept] = pair.map(readPolicy);"
        "  const names = [...shown.witnesses.keys()];"
        "  return [isWeaker(shown, kept), names.map((_, at) => isMetBy(shown, new Set(names.slice(at))))];"
        "});"
        "console.log(JSON.stringify(told));",
        pairs,
    )
    read = [(parse_policy(shown), parse_policy(kept)) for shown, kept in pairs]
    expected = [
        [
            _weaker(shown, kept),
            [shown.met_by(list(shown.witnesses)[at:]) for at in range(len(shown.witnesses))],
        ]
        for shown, kept in read
    ]
    assert json.loads(said) == expected
    weaker = sum(weak for weak, _ in expected if isinstance(weak, bool))
    assert 20 < weaker < 140  # both answers were tried


WRONG_POLICIES = (
    "",
    "quorum w1",
    "quorum none\nquorum none",
    "witness w1 K\nwitness w1 L\nquorum w1",
    "witness w1 K\nwitness w2 K\nquorum w1",
    "witness none K\nquorum none",
    "witness w1 K\ngroup w1 1 w1\nquorum w1",
    "witness w1 K\ngroup g 1 w1 w1\nquorum g",
    "witness w1 K\ngroup g 1 w1\ngroup h 1 w1\nquorum g",
    "witness w1 K\ngroup g 2 w1\nquorum g",
    "witness w1 K\ngroup g 0 w1\nquorum g",
    "witness w1 K\ngroup g -1 w1\nquorum g",
    "witness w1 K\ngroup g 1.5 w1\nquorum g",
    "witness w1 K\ngroup g toString w1\nquorum g",
    "witness w1 K\ngroup g any g\nquorum g",
    "witness w1 K\ngroup g any none\nquorum g",
    "group g any\nquorum g",
    "believe w1\nquorum none",
)


def test_a_policy_that_is_none_is_refused_by_both(node: Node) -> None:
    keys = [str(cosigner_key(f"w{n}.example", Ed25519PrivateKey.generate())) for n in range(2)]
    wrong = [one.replace(" K\n", f" {keys[0]}\n").replace(" L\n", f" {keys[1]}\n") for one in WRONG_POLICIES]
    said = node.run(
        "import { readPolicy } from './js/sealing/policy.js';"
        "const isRead = (text) => { try { return Boolean(readPolicy(text)); } catch { return false; } };"
        "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(isRead)));",
        [*wrong, f"# said\n\nwitness w1 {keys[0]} https://w1.example\n\tgroup g any w1\nquorum g\n"],
    )
    assert json.loads(said) == [False] * len(wrong) + [True]
    for one in wrong:
        with pytest.raises(Unverified):
            parse_policy(one)


def _vectors(kind: str) -> list[dict[str, Any]]:
    return [
        json.loads(file.read_text())
        for file in sorted(shared_path(f"vectors/merkle/testdata/{kind}").rglob("*.json"))
    ]


_CHECK = (
    "import { verifyInclusion, verifyConsistency } from './js/sealing/merkle.js';"
    "import { readFileSync } from 'node:fs';"
    "const bytes = (text) => new Uint8Array(Buffer.from(text ?? '', 'base64'));"
    "const said = [];"
    "for (const v of JSON.parse(readFileSync(JSON.parse(process.argv[1]), 'utf8'))) {"
    "  const proof = (v.proof ?? []).map(bytes);"
    "  const check = 'leafIdx' in v"
    "    ? verifyInclusion(v.leafIdx, v.treeSize, bytes(v.leafHash), proof, bytes(v.root))"
    "    : verifyConsistency(v.size1, v.size2, bytes(v.root1), bytes(v.root2), proof);"
    "  said.push(await check.then(() => true, () => false));"
    "}"
    "console.log(JSON.stringify(said));"
)


def test_published_proofs_are_judged_as_published(node: Node) -> None:
    for kind, least in (("inclusion", 90), ("consistency", 90)):
        vectors = _vectors(kind)
        assert len(vectors) >= least
        file = node.folder / f"{kind}.json"
        file.write_text(json.dumps(vectors))
        said = json.loads(node.run(_CHECK, str(file)))
        wrong = [
            vector["desc"]
            for vector, held in zip(vectors, said, strict=True)
            if held == vector["wantErr"] and vector.get("size1", 1) > 0 and vector["desc"] != EMPTY
        ]
        assert wrong == []


def test_a_passphrase_is_ten_words_and_forgives_how_it_is_typed(node: Node) -> None:
    said = json.loads(
        node.run(
            "import { makePassphrase, normalise, placesToAsk } from './js/sealing/passphrase.js';"
            "import WORDS from './vendor/words/words.js';"
            "const made = Array.from({ length: 50 }, makePassphrase);"
            "const untidy = (words) => words.map((w, n) => `${n + 1}. ${w.toUpperCase()}`).join(',\\n');"
            "const typed = made.map((words) => normalise(untidy(words)));"
            "console.log(JSON.stringify({ made, typed, count: WORDS.length, places: placesToAsk() }));",
            None,
        )
    )
    assert said["count"] == 7776
    assert all(len(words) == 10 for words in said["made"])
    assert len({" ".join(words) for words in said["made"]}) == 50
    assert said["typed"] == [" ".join(words) for words in said["made"]]
    assert len(set(said["places"])) == 3
