"""Which of a user's images are held out: by their content alone, so that the same images are held
out whenever, wherever and at whatever size they are read, and no image has a copy on both sides.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

SHARE = 10  # one in ten is held out
LEAST = 20  # of fewer images none is held out: a score of one or two tells nothing
LEAST_OF_CLASS = 5
THUMBNAIL = 32  # side of what copies are found by
SEARCHED = 20_000  # images among which those saved anew are searched for; among more, exact copies
SAME = 0.02  # share of the usual distance between two images of a set at which they are one
SAME_COLOUR = 8  # levels between the mean colours of two such images
FLATTEST = 2.0  # levels; what varies less has no structure to compare
BLOCK = 1000


def choose(
    labels: Sequence[int],
    splits: Sequence[str],
    digests: Sequence[str],
    thumbnails: Tensor,
    pairs: Sequence[int],
) -> list[bool]:
    """Tell of each image whether it is held out, given its class, its split (or ""), the digest
    of its file, its thumbnail, uint8 (N, 3, T, T), and the number of its pair (or -1).

    Where the set has a split for validation or test, that is held out; else about a tenth of each
    class is, as the digests decide.
    """
    own = any(split in ("val", "test") for split in splits)
    # Of a split that somebody has made only exact copies change their side.
    search = not own and len(labels) <= SEARCHED
    members = _groups(labels, digests, thumbnails, pairs, search=search)
    return _own_split(labels, splits, members) if own else _draw(labels, digests, members)


def _own_split(
    labels: Sequence[int], splits: Sequence[str], members: list[list[int]]
) -> list[bool]:
    """Hold out the set's own split and what is copied from it; where that would leave nothing of
    a class to learn from, its copies are learnt from instead.
    """
    held = [split in ("val", "test") for split in splits]
    learnt = [not h for h in held]
    both = [some for some in members if len({held[i] for i in some}) == 2]
    for some in both:
        for i in some:
            held[i] = True
    empty = {labels[i] for i in range(len(labels)) if learnt[i]}
    empty -= {label for label, h in zip(labels, held, strict=True) if not h}
    for some in both:
        if any(learnt[i] and labels[i] in empty for i in some):
            for i in some:
                held[i] = False
    return held


def _draw(labels: Sequence[int], digests: Sequence[str], members: list[list[int]]) -> list[bool]:
    held = [False] * len(labels)
    if len(labels) < LEAST:
        return held
    sizes, taken = Counter(labels), Counter[int]()
    wanted = {c: max(1, round(n / SHARE)) if n >= LEAST_OF_CLASS else 0 for c, n in sizes.items()}
    counts = {id(some): Counter(labels[i] for i in some) for some in members}

    def take(some: list[int], most: dict[int, int]) -> None:
        count = counts[id(some)]
        needed = any(taken[c] < wanted[c] for c in count)
        if needed and all(taken[c] + n <= most[c] for c, n in count.items()):
            taken.update(count)
            for i in some:
                held[i] = True

    order = sorted(members, key=lambda some: _mixed(min(digests[i] for i in some)))
    for some in order:
        take(some, wanted)
    # A class of which every image has copies: the smallest of its groups.
    wanted = {c: min(n, 1) for c, n in wanted.items()}
    for some in sorted(order, key=len):
        take(some, {c: max(1, n // 3) for c, n in sizes.items()})
    return held


def _mixed(digest: str) -> str:
    """Return a digest of the digest: the order of what is held out is that of nothing else."""
    return hashlib.blake2b(f"hold-out {digest}".encode()).hexdigest()


# --- Copies --------------------------------------------------------------------------------------


def _groups(
    labels: Sequence[int],
    digests: Sequence[str],
    thumbnails: Tensor,
    pairs: Sequence[int],
    *,
    search: bool,
) -> list[list[int]]:
    """Return the numbers of the images that lie on one side together."""
    exact = [hashlib.blake2b(x.numpy().tobytes()).digest() for x in thumbnails]
    links = [*_equal(exact), *_equal(digests), *_equal(p if p >= 0 else None for p in pairs)]
    similar = _saved_anew(thumbnails) if search else []
    # Frames of a film are all alike, one to the next: no class may be a single group by that.
    sizes, largest = Counter(labels), Counter[int]()
    for some in _joined(len(labels), [*links, *similar]):
        for label, n in Counter(labels[i] for i in some).items():
            largest[label] = max(largest[label], n)
    chained = {label for label, n in largest.items() if 2 * n > sizes[label]}
    similar = [link for link in similar if not {labels[i] for i in link} & chained]
    return _joined(len(labels), [*links, *similar])


def _equal(keys: Iterable[object]) -> list[tuple[int, int]]:
    """Return the numbers of keys that equal an earlier one, with the earlier one's."""
    first: dict[object, int] = {}
    links = [(first.setdefault(key, i), i) for i, key in enumerate(keys) if key is not None]
    return [link for link in links if link[0] != link[1]]


def _joined(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the connected components of a graph."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for a, b in links:
        parent[root(b)] = root(a)
    members: dict[int, list[int]] = {}
    for i in range(count):
        members.setdefault(root(i), []).append(i)
    return list(members.values())


def _saved_anew(thumbnails: Tensor) -> list[tuple[int, int]]:
    """Return pairs of images that show the same in other bytes, as after saving as JPEG.

    Their distance, one minus the correlation, is a small part of what is usual in the set.
    """
    x = torch.nn.functional.avg_pool2d(thumbnails.float(), 2)
    colours = x.mean(dim=(2, 3))
    x = (x - colours[:, :, None, None]).flatten(1)
    structured = x.square().mean(dim=1).sqrt() > FLATTEST
    numbers = structured.nonzero().flatten()
    if len(numbers) < 2:
        return []
    # Only images of about the same lightness are compared.
    light = colours.mean(dim=1)
    numbers = numbers[light[numbers].argsort()]
    x, colours, light = x[numbers], colours[numbers], light[numbers].contiguous()
    x = x / x.norm(dim=1, keepdim=True)
    some = torch.linspace(0, len(x) - 1, min(len(x), 300)).long()
    usual = 1 - float((x[some] @ x[some].T).median())
    links = []
    for start in range(0, len(x), BLOCK):
        stop = min(start + BLOCK, len(x))
        end = int(torch.searchsorted(light, light[stop - 1] + SAME_COLOUR, right=True))
        near = 1 - x[start:stop] @ x[start:end].T < SAME * usual
        for a, b in near.triu(1).nonzero().tolist():
            i, j = start + a, start + b
            if (colours[i] - colours[j]).abs().max() < SAME_COLOUR:
                links.append((int(numbers[i]), int(numbers[j])))
    return links
