"""RFC 6962 Merkle trees: hashing, roots, and proofs made and checked.

Proofs are made from a function `node(height, index)` that gives the hash over the complete subtree of
2**height leaves starting at leaf `index << height`; where those hashes live (database, tiles, memory) is the
caller's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from gateway_verify.errors import Unverified

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MOST_PROOF_HASHES = 63

Node = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Give the hash of one entry (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Give the hash of two neighbours (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree.

    One hash per complete subtree, enough to go on and to give the root.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        if len(edge) != size.bit_count():
            raise ValueError("the edge of a tree holds one hash for each bit set in its size")
        self.size = size
        self._edge = list(edge)

    def copy(self) -> Frontier:
        """One that grows on its own."""
        return Frontier(self.size, self._edge)

    def add(self, leaf: bytes) -> None:
        """Take a leaf's hash."""
        carried, size = leaf, self.size
        while size & 1:
            carried = node_hash(self._edge.pop(), carried)
            size >>= 1
        self._edge.append(carried)
        self.size += 1

    def root(self, right: bytes | None = None) -> bytes:
        """Give the root over all leaves added so far, and over `right`: the hash over fewer than all of them."""
        edge = self._edge if right is None else [*self._edge, right]
        if not edge:
            return EMPTY_ROOT
        root = edge[-1]
        for left in reversed(edge[:-1]):
            root = node_hash(left, root)
        return root


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Give the root over these leaf hashes."""
    frontier = Frontier()
    for one in hashes:
        frontier.add(one)
    return frontier.root()


def edge_of(size: int, node: Node) -> list[bytes]:
    """Give the complete subtrees that make up a tree of this size.

    From the largest (left) to the smallest.
    """
    edge, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            edge.append(node(height, start >> height))
            start += 1 << height
    return edge


def range_hash(start: int, end: int, node: Node) -> bytes:
    """Give the Merkle tree hash over leaves start to end - 1.

    Where start is aligned as in any RFC 6962 subtree.
    """
    whole, position = EMPTY_ROOT, end
    for height in range((end - start).bit_length()):
        if not (end - start) >> height & 1:
            continue
        part = node(height, (position >> height) - 1)
        whole = part if position == end else node_hash(part, whole)
        position -= 1 << height
    return whole


def _split(size: int) -> int:
    """Give the largest power of two smaller than size."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Give the audit path for leaf `index` in the tree of `size` leaves.

    From the leaf's sibling up (RFC 6962 2.1.1).
    """
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(first: int, second: int, node: Node) -> list[bytes]:
    """Give the proof that the tree of `first` leaves is a beginning of the tree of `second` (RFC 6962 2.1.2)."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {second} has no consistency proof from {first}")
    path, start, end, whole = [], 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(range_hash(start, end, node))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Give the root that this path leads to.

    Raises Unverified when the path has the wrong shape (RFC 9162 2.1.3.2).
    """
    if not 0 <= index < size:
        raise Unverified(f"entry {index + 1} cannot be in a tree of {size}")
    if len(leaf) != HASH_SIZE or any(len(one) != HASH_SIZE for one in proof):
        raise Unverified("a hash in the proof has the wrong length")
    position, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Unverified("the inclusion proof is too long")
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise Unverified("the inclusion proof is too short")
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise Unverified unless the leaf hash is entry `index` of the tree of `size` leaves with this root."""
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise Unverified(f"entry {index + 1} is not in the tree whose root was signed")


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """Raise Unverified unless the first tree is a beginning of the second.

    A first size of 0 is refused: every tree grows from the empty one, so such a proof would say nothing.
    """
    if first < 1:
        raise Unverified("consistency with an empty tree says nothing")
    verify_subtree_consistency(0, first, second, proof, first_root, second_root)


def is_contradiction(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> bool:
    """Tell whether a consistency proof that does not verify shows that the second tree does not continue the first.

    It does when it leads to the second root, and from another first root than the one given: only true hashes of the
    second tree lead to its root, so nobody can make one for two trees that agree. Where the first size is a power of
    two a proof holds nothing of the first tree, and any that does not verify is taken for one.
    """
    if not 0 < first < second or any(len(one) != HASH_SIZE for one in proof):
        return False
    try:
        part, whole = _roots_from_path(0, first, second, list(proof), first_root)
    except Unverified:
        return first.bit_count() == 1
    return first.bit_count() == 1 or (part != first_root and whole == second_root)


def verify_subtree_inclusion(
    index: int, start: int, end: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """As verify_inclusion.

    For the subtree over leaves start to end - 1 (draft-ietf-plants-merkle-tree-certs 4.3).
    """
    _check_subtree(start, end)
    verify_inclusion(index - start, end - start, leaf, proof, root)


def verify_subtree_consistency(
    start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes, root: bytes
) -> None:
    """Raise Unverified unless the subtree over start to end - 1 is part of the tree of `size` leaves.

    The rule is draft-ietf-plants-merkle-tree-certs 4.4; with start 0 it is RFC 9162 section 2.1.4.2.
    """
    _check_subtree(start, end)
    if end > size:
        raise Unverified(f"a history of {size} entries is shorter than one of {end}")
    if start == 0 and end == size:
        if proof or subtree_root != root:
            raise Unverified(f"two histories of {size} entries have different roots")
        return
    if any(len(one) != HASH_SIZE for one in (*proof, subtree_root, root)):
        raise Unverified("a hash in the proof has the wrong length")
    if _roots_from_path(start, end, size, list(proof), subtree_root) != (subtree_root, root):
        raise Unverified(f"the first {end} entries are not the same in both histories")


def _roots_from_path(
    start: int, end: int, size: int, path: list[bytes], subtree_root: bytes
) -> tuple[bytes, bytes]:
    """Give the subtree's root and the tree's root that the proof leads to."""
    left, right, last = start, end - 1, size - 1
    while left != right and (right == last or right & 1):
        left, right, last = left >> 1, right >> 1, last >> 1
    if left != right and not path:
        raise Unverified("the consistency proof is too short")
    part = whole = subtree_root if left == right else path.pop(0)
    for one in path:
        if last == 0:
            raise Unverified("the consistency proof is too long")
        if right & 1 or right == last:
            part = node_hash(one, part) if left < right else part
            whole = node_hash(one, whole)
            while not right & 1 and right:
                left, right, last = left >> 1, right >> 1, last >> 1
        else:
            whole = node_hash(whole, one)
        left, right, last = left >> 1, right >> 1, last >> 1
    if last:
        raise Unverified("the consistency proof is too short")
    return part, whole


def _check_subtree(start: int, end: int) -> None:
    if not 0 <= start < end:
        raise Unverified("an empty or negative range of entries proves nothing")
    if start % (1 << (end - start - 1).bit_length()):
        raise Unverified("the range is not a subtree")
