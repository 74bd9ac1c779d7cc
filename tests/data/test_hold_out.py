"""What is graded was never learnt from."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as photographs

from aigc_demo import data
from aigc_demo.data import layouts
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.imaging import images
from aigc_demo.training.events import Scored
from tests import factories


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (24, 24, 3), np.uint8))


def patch(i: int) -> Image.Image:
    """Return a part of a photograph."""
    left, top = 7 * i % 350, 11 * i % 200
    return Image.fromarray(photographs.chelsea()[top : top + 80, left : left + 80])


def pack(path: Path, files: dict[str, Image.Image | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, image in files.items():
            content = image if isinstance(image, bytes) else images.encode_png(image)
            archive.writestr(name, content)
    return path


def read(tmp_path: Path, files: dict[str, Image.Image | bytes]) -> UserDataset:
    return validation.validate([pack(tmp_path / "z.zip", files)], size=32)


def sides(own: UserDataset) -> tuple[set[str], set[str]]:
    """Return the names of what is trained with, and of what is held out."""
    named = list(zip(own.names, own.held_out.tolist(), strict=True))
    return {n for n, held in named if not held}, {n for n, held in named if held}


def accuracy(tmp_path: Path, files: dict[str, Image.Image | bytes]) -> Scored:
    """Train a classifier until it knows its training images; return its last score."""
    plan = factories.plan("classifier", "yours:z", steps=60, batch=32, score_every=0.01)
    own = read(tmp_path, files)
    directory = factories.runs.create(tmp_path / "runs", plan, "run", pictures=own)
    scores = [e for e in factories.follow(directory) if isinstance(e, Scored)]
    return [s for s in scores if s.name.startswith("accuracy")][-1]


def test_noise_with_random_labels_cannot_be_graded_well(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"{'ab'[i % 2]}/{i:03d}.png": noise(i) for i in range(200)}
    score = accuracy(tmp_path, files)
    assert score.n == 20 and score.value is not None and score.value <= 0.8


def test_what_can_be_told_apart_is_graded_in_all_of_its_classes(tmp_path: Path) -> None:
    files: dict[str, Any] = {}
    for i in range(40):
        for name, colour in (("red", (200 + i, i, 9)), ("blue", (9, i, 200 + i))):
            files[f"My set/{name}/{i:03d}.png"] = Image.new("RGB", (24, 24), colour)
    score = accuracy(tmp_path, files)
    assert (score.value, score.n) == (1.0, 8)


def test_copies_never_lie_on_both_sides(tmp_path: Path) -> None:
    """Also those of another name, another format, or saved with losses."""
    files: dict[str, Any] = {f"{i:03d}.png": patch(i) for i in range(40)}
    for i in range(40):
        out = io.BytesIO()
        form = ("PNG", "WEBP", "JPEG")[i % 3]
        patch(i).save(out, form, **({"lossless": True} if form == "WEBP" else {"quality": 92}))
        files[f"copy of {i:03d}.{form.lower()}"] = out.getvalue()
    learnt, held = sides(read(tmp_path, files))
    assert len(held) >= 4

    def originals(names: set[str]) -> set[str]:
        return {n.removeprefix("copy of ").split(".")[0] for n in names}

    assert not originals(learnt) & originals(held)


def test_the_hold_out_depends_on_content_alone(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"a/{i}.png": patch(i) for i in range(30)}
    renamed = {f"b/{99 - i}.png": patch(i) for i in range(30)}
    first, again = read(tmp_path, files), read(tmp_path, renamed)
    held = [{x.numpy().tobytes() for x in own.images[own.held_out]} for own in (first, again)]
    assert held[0] == held[1] and len(held[0]) == 3
    larger = validation.validate([pack(tmp_path / "l.zip", files)], size=64)
    assert sides(larger) == sides(first)


def test_a_run_a_score_and_a_path_hold_out_the_same(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"x/{'ab'[i % 2]}/{i}.png": patch(i) for i in range(40)}
    own = read(tmp_path, files)
    own.save(tmp_path)
    file = tmp_path / user_dataset.IMAGES_FILE
    for split in ("train", "test"):
        kept = user_dataset.load(file, "pictures", split=split)
        given = data.load(str(tmp_path / "z.zip"), split, size=32)
        assert torch.equal(kept.images, given.images) and torch.equal(kept.labels, given.labels)
        assert kept.classes == given.classes == ("a", "b")


def test_few_pictures_are_all_learnt_from_and_nothing_is_graded(tmp_path: Path) -> None:
    own = read(tmp_path, {f"{i}.png": patch(i) for i in range(12)})
    assert not own.held_out.any()
    assert any("none is held out" in line for line in own.report.lines())


SPLITS = {
    "ImageFolder": ("train/ants", "train/bees", "val/ants", "val/bees"),
    "three splits": ("Train/ants", "Train/bees", "valid/ants", "test/bees"),
    "below a folder": ("set/train/ants", "set/train/bees", "set/validation/ants"),
    "CycleGAN": ("trainA", "trainB", "valA", "valB"),
    "splits below domains": ("ants/train", "bees/train", "ants/test", "bees/test"),
    "years": ("train2017/ants", "train2017/bees", "val2017/ants"),
}


def test_customary_splits_are_no_classes_and_are_held_out(tmp_path: Path) -> None:
    for layout, folders in SPLITS.items():
        files = {f"{folder}/{i}{k}.png": patch(9 * k + i) for k, folder in enumerate(folders)
                 for i in range(6)}  # fmt: skip
        own = read(tmp_path, files)
        learnt, held = sides(own)
        assert own.classes in (("ants", "bees"), ("A", "B")), layout
        assert all("train" in name.lower() for name in learnt), layout
        assert held and not any("train" in name.lower() for name in held), layout
        assert any(line.startswith("! Held out of") for line in own.report.lines()), layout


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    own = read(tmp_path, {f"{c}/{i}.png": patch(i + 9 * k) for k, c in enumerate(("bus", "train"))
                          for i in range(6)})  # fmt: skip
    assert own.classes == ("bus", "train") and not own.held_out.any()
    assert any("lie beside others, so they are classes" in line for line in own.report.lines())


def outlines(i: int) -> Image.Image:
    return patch(i).convert("L").point(lambda v: 255 * (v > 110)).convert("RGB")


def test_numbers_are_no_evidence_of_pairs_but_contents_are(tmp_path: Path) -> None:
    names = [f"{i:03d}.png" for i in range(24)]
    classes: dict[str, Any] = {f"moon/{n}": patch(i) for i, n in enumerate(names)}
    classes |= {f"star/{n}": patch(100 + 5 * i) for i, n in enumerate(names)}
    assert read(tmp_path, classes).report.layout == "two"
    pairs: dict[str, Any] = {f"photo/{n}": patch(i) for i, n in enumerate(names)}
    pairs |= {f"plan/{n}": outlines(i) for i, n in enumerate(names)}
    own = read(tmp_path, pairs)
    assert own.report.layout == "pairs"
    for pair in range(24):  # both of a pair lie on one side
        assert len(own.held_out[own.pairs == pair].unique()) == 1


def test_partners_that_are_missing_are_named(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"A/house {i}.png": patch(i) for i in range(30)}
    files |= {f"B/house {i}.png": outlines(i) for i in range(29)}
    report = read(tmp_path, files).report
    assert report.layout == "pairs"
    assert "! 29 of 30 have a partner; missing: B/house 29." in report.lines()


def test_names_may_end_in_their_domain(tmp_path: Path) -> None:
    files: dict[str, Any] = {f"A/{i}_A.png": patch(i) for i in range(8)}
    files |= {f"B/{i}_B.png": outlines(i) for i in range(8)}
    own = read(tmp_path, files)
    assert own.report.layout == "pairs" and int(own.pairs.max()) == 7


@pytest.mark.parametrize("folder", ["train", "Training_set", "val", "valid", "dev", "TEST"])
def test_what_looks_like_a_split_is_known(folder: str) -> None:
    assert layouts.split_of(folder)
    assert not layouts.split_of(folder + "ing bra")
