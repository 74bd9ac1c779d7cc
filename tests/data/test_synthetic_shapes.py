"""The shapes that are rendered here: exact, balanced, the same for ever, and truly annotated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_demo import data
from aigc_demo.data import Domains, synthetic_shapes
from aigc_demo.data.synthetic_shapes import COLOURS, GROUNDS, KINDS


def test_they_need_no_file(tmp_path: Path) -> None:
    found = data.load("shapes", root=tmp_path)
    assert found.images.shape == (6000, 3, 32, 32) and found.images.dtype == torch.uint8
    assert found.classes == tuple(KINDS)
    assert found.labels.bincount().tolist() == [1000] * len(KINDS)
    assert {"shapes", "outlines"} <= set(data.available(tmp_path))


def test_an_image_is_the_same_however_many_there_are() -> None:
    for size in (32, 64):
        few, many = (synthetic_shapes.pictures("train", size, n=n) for n in (7, 520))
        assert torch.equal(few.images, many.images[:7])
        assert torch.equal(few.masks, many.masks[:7])
        assert few.captions == many.captions[:7]


def test_the_same_scenes_are_seen_at_every_size() -> None:
    small, large = (synthetic_shapes.pictures("train", size, n=60) for size in (32, 64))
    assert small.captions == large.captions
    apart = (large.boxes - 2 * small.boxes).abs()  # a star's tip is a pixel or none
    assert apart.max() <= 4 and apart.float().mean() < 1
    reduced = torch.nn.functional.avg_pool2d(large.masks.float(), 2)
    assert (reduced - small.masks.float()).abs().mean() < 3


def test_seeds_and_splits_differ() -> None:
    kinds = [("train", 0), ("train", 1), ("test", 0), ("test", 1)]
    sets = [synthetic_shapes.pictures(split, 32, n=300, seed=seed) for split, seed in kinds]
    seen = torch.cat([s.images for s in sets]).flatten(1)
    assert len(seen.unique(dim=0)) == 1200


def test_masks_boxes_and_captions_are_true() -> None:
    found = synthetic_shapes.pictures("train", 64, n=600)
    assert found.masks.shape == (600, 1, 64, 64)
    for i in range(600):
        inside = found.masks[i, 0] > 127
        left, top, right, bottom = found.boxes[i].tolist()
        rows, columns = inside.nonzero().T
        assert (left, top) == (columns.min(), rows.min())
        assert (right, bottom) == (columns.max() + 1, rows.max() + 1)
        _, _, colour, kind, *rest = found.captions[i].split()
        assert kind == found.classes[found.labels[i]]
        whole, none = (found.masks[i, 0] == value for value in (255, 0))
        shape, ground = (found.images[i][:, part].float() for part in (whole, none))
        colours = torch.tensor([COLOURS[colour], GROUNDS[rest[-1]]])
        assert (shape - colours[0, :, None]).abs().max() == 0
        assert (ground.mean(dim=1) - colours[1]).abs().max() < 15
        assert (ground.std(dim=1).max() < 0.5) == ("plain" in rest)


def test_captions_tell_the_place() -> None:
    found = synthetic_shapes.pictures("train", 64, n=600)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 128
    for caption, (x, y) in zip(found.captions, middles.tolist(), strict=True):
        place = caption.split(" in the ")[1].split(" on ")[0].split()
        assert ("left" in place) <= (x < 0.45) and ("right" in place) <= (x > 0.55)
        assert ("top" in place) <= (y < 0.45) and ("bottom" in place) <= (y > 0.55)


def test_shapes_lie_whole_within_their_pictures() -> None:
    masks = synthetic_shapes.pictures("train", 64, n=1500).masks
    border = torch.cat([masks[..., 0, :], masks[..., -1, :], masks[..., 0], masks[..., -1]], -1)
    assert border.max() == 0


def test_edges_are_smooth_and_colours_stand_out_from_every_ground() -> None:
    masks = synthetic_shapes.pictures("train", 32, n=300).masks
    partly = ((masks > 0) & (masks < 255)).flatten(1).sum(dim=1)
    assert (partly >= 8).all()

    for colour in COLOURS.values():
        for ground in GROUNDS.values():
            assert np.abs(np.subtract(colour, ground)).max() >= 80


def test_kinds_can_be_told_apart_by_their_masks() -> None:
    """A shape's area relative to its box is what its kind says, whatever its size and place."""
    found = synthetic_shapes.pictures("train", 64, n=1200)
    large = (found.boxes[:, 2] - found.boxes[:, 0]) > 30
    area = found.masks.flatten(1).float().sum(dim=1) / 255
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    share = area / sides.prod(dim=1)
    means = {k: share[large & (found.labels == i)].mean() for i, k in enumerate(KINDS)}
    assert means["square"] > means["circle"] > means["ring"] > means["triangle"] > means["star"]
    assert means["circle"] == pytest.approx(np.pi / 4, abs=0.02)


def test_outlines_are_pairs_with_their_shapes() -> None:
    found = data.load("outlines", "test")
    assert isinstance(found, Domains) and found.paired
    assert found.images.shape == found.others[0].shape == (250, 3, 64, 64)
    filled = synthetic_shapes.pictures("test", 64, n=250)
    assert torch.equal(found.others[0], filled.images)
    # The middle of a large disc is ground in the one and colour in the other.
    disc = next(i for i, c in enumerate(filled.captions) if c.startswith("a large red circle"))
    x, y = (filled.boxes[disc, :2] + filled.boxes[disc, 2:]).tolist()
    middle = (disc, slice(None), y // 2, x // 2)
    assert found.others[0][middle].tolist() == list(COLOURS["red"])
    assert found.images[middle].tolist() != list(COLOURS["red"])
