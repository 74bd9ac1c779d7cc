"""Data sets of several domains: what belongs together stays together, and nothing leaks."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from aigc_demo import data
from aigc_demo.data import Domains
from aigc_demo.data.dataset import Source
from aigc_demo.data.image_folder import load
from aigc_demo.errors import BadData, BadValue, UserError
from aigc_demo.methods.base import Batch
from tests import factories


def numbered(*counts: int, paired: bool = True, flip: bool = False) -> Domains:
    """Return pictures (3, 2, 2): the left half is the index, the right one 60 × the domain."""
    pixels = []
    for domain, count in enumerate(counts):
        x = torch.arange(count, dtype=torch.uint8)[:, None, None, None].repeat(1, 3, 2, 2)
        x[..., 1] = 60 * domain
        pixels.append(x)
    names = tuple("abcd"[: len(counts)])
    classes = names if len(counts) > 2 else ()
    labels = torch.zeros(counts[0], dtype=torch.int64)
    return Domains(
        "n", "n", pixels[0], labels, classes, "", flip,
        others=tuple(pixels[1:]), domains=names, paired=paired,
    )  # fmt: skip


def first(dataset: Domains, batches: int, size: int = 4, **order: int) -> list[Batch]:
    return list(itertools.islice(dataset.batches(size, **{"seed": 0} | order), batches))


def look(x: torch.Tensor) -> tuple[list[int], list[int]]:
    """Return the indices and the domains of pictures, mirrored or not."""
    pixels = x.add(1).mul(127.5).round().int()[:, 0, 0]
    return pixels[:, 0].tolist(), (pixels[:, 1] // 60).tolist()


def test_pairs_stay_pairs() -> None:
    for batch in first(numbered(10, 10), 6):
        (left, a), (right, b) = look(batch.images), look(batch.targets)
        assert left == right and a == [0] * 4 and b == [1] * 4


def test_what_is_unpaired_comes_in_orders_of_its_own() -> None:
    dataset = numbered(10, 7).unpaired()
    left, right = [], []
    for batch in first(dataset, 35, 2):
        left += look(batch.images)[0]
        right += look(batch.targets)[0]
    assert len(dataset) == 10
    assert [left.count(i) for i in range(10)] == [7] * 10
    assert [right.count(i) for i in range(7)] == [10] * 7
    alike = numbered(10, 10).unpaired()
    assert any(look(b.images)[0] != look(b.targets)[0] for b in first(alike, 3))


def test_among_many_domains_each_goes_to_each_other_one() -> None:
    ways = set()
    for batch in first(numbered(6, 6, 6), 60):
        (left, source), (right, target) = look(batch.images), look(batch.targets)
        assert left == right
        assert target == batch.labels.tolist()
        ways |= set(zip(source, target, strict=True))
    assert ways == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_seed_and_step_decide_a_batch() -> None:
    def same(a: Batch, b: Batch) -> bool:
        return torch.equal(a.images, b.images) and torch.equal(a.targets, b.targets)

    for dataset in (numbered(9, 9), numbered(9, 5, paired=False), numbered(5, 5, 5)):
        whole = first(dataset, 6)
        assert all(map(same, whole[2:], first(dataset, 4, start=2)))
        assert not all(map(same, whole, first(dataset, 6, seed=1)))


def test_a_pair_is_mirrored_as_one() -> None:
    turned = 0
    for batch in first(numbered(8, 8, flip=True), 20):
        x, y = (t.add(1).mul(127.5).round().int()[:, 0, 0] for t in (batch.images, batch.targets))
        for (l1, r1), (l2, r2) in zip(x.tolist(), y.tolist(), strict=True):
            straight, mirrored = l1 == l2 and r2 == 60, r1 == r2 and l2 == 60
            assert straight or mirrored
            turned += mirrored and not straight
    assert turned


# --- From files ---


def write(folder: Path, name: str, value: int, side: int = 40) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    exact = {"lossless": True} if name.endswith("webp") else {}
    Image.new("RGB", (side, side), (value, 0, 0)).save(folder / name, **exact)


def styles(folder: Path, count: int = 30) -> Source:
    """Write `count` names in two folders, and one that is missing in each."""
    for i in range(count):
        write(folder, f"left/{i:02d}.png", i)
        write(folder, f"right/{i:02d}.webp", i + 100)
    write(folder, "left/only.png", 250)
    write(folder, "right/other.png", 250)
    (folder / "right" / "05.webp").write_bytes(b"no picture")
    return Source(
        "s", "s", 32, 3, "none", domains=("left", "right"), paired=True, held_out=8,
        train=("left/", "right/"), test=("left/", "right/"),
    )  # fmt: skip


def test_pairs_are_the_names_that_all_domains_have(tmp_path: Path) -> None:
    source = styles(tmp_path)
    parts = [load(source, tmp_path, split) for split in ("train", "test")]
    seen = []
    for part in parts:
        assert isinstance(part, Domains) and part.paired
        left, right = (x[:, 0, 0, 0].int() for x in (part.images, *part.others))
        assert torch.equal(right, left + 100)
        seen += left.tolist()
    assert len(parts[1]) in (7, 8) and len(seen) == 29
    assert sorted(seen) == [i for i in range(30) if i != 5]


def test_what_one_set_holds_out_no_smaller_set_learns_from(tmp_path: Path) -> None:
    source = styles(tmp_path)
    held = set(load(source, tmp_path, "test").images[:, 0, 0, 0].tolist())
    for name in ("03", "11", "20"):  # other names, that a larger set would have
        (tmp_path / "left" / f"{name}.png").unlink()
    learnt = set(load(source, tmp_path, "train").images[:, 0, 0, 0].tolist())
    assert not held & learnt


def two_folders(folder: Path, *, same: bool, test: bool = True) -> Path:
    for k, split in enumerate(("train", "test") if test else ("train",)):
        for i in range(12):
            write(folder, f"{split}A/{i}.png", 20 * k + i)
            write(folder, f"{split}B/{i if same else i + 50}.png", 100 + 20 * k + i)
    return folder


def test_folders_called_train_a_and_b_are_two_domains(tmp_path: Path) -> None:
    pairs = two_folders(tmp_path / "pairs", same=True)
    unpaired = two_folders(tmp_path / "unpaired", same=False)
    packed = factories.write_zip(tmp_path / "packed.zip", unpaired)
    for path, same in ((pairs, True), (unpaired, False), (packed, False)):
        found = data.load(str(path), "train", size=32)
        assert isinstance(found, Domains) and found.paired is same
        assert found.images.shape == found.others[0].shape == (12, 3, 32, 32)
        assert len(data.load(str(path), "test", size=32)) == 12


def test_without_a_test_split_some_are_held_out(tmp_path: Path) -> None:
    folder = two_folders(tmp_path / "mine", same=True, test=False)
    parts = [data.load(str(folder), split, size=32) for split in ("train", "test")]
    assert [len(p) for p in parts] == [11, 1]
    values = torch.cat([p.images for p in parts])[:, 0, 0, 0]
    assert sorted(values.tolist()) == list(range(12))


def test_an_empty_domain_is_named_and_sets_of_domains_cannot_be_joined(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("left/a.txt", "nothing")
    source = Source("s", "Set", 32, 3, "", domains=("l", "r"), train=("left/", "right/"))
    with pytest.raises(BadData, match="Set holds no pictures of “l”"):
        load(source, tmp_path / "s.zip", "train")
    with pytest.raises(BadValue, match="^data: sets of several domains"):
        data.load("facades+mnist")


def test_what_was_decoded_is_kept_and_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    with zipfile.ZipFile(tmp_path / "facades.zip", "w") as archive:
        for split, end in itertools.product(("train", "test"), "AB"):
            for i in range(3):
                write(tmp_path / "raw", f"{i}.png", 10 * i + ord(end))
                archive.write(tmp_path / "raw" / f"{i}.png", f"{split}{end}/{i}.png")
    one, again = (data.load("facades", root=tmp_path, size=32) for _ in range(2))
    assert list((tmp_path / "cache").rglob("facades-train-*"))
    assert isinstance(again, Domains)
    assert torch.equal(one.images, again.images) and torch.equal(one.others[0], again.others[0])
    assert (again.domains, again.paired) == (("plan", "photo"), True)


# --- What methods take ---


def test_a_method_refuses_domains_that_it_cannot_use(tmp_path: Path) -> None:
    pairs = two_folders(tmp_path / "pairs", same=True)
    unpaired = two_folders(tmp_path / "unpaired", same=False)
    one = factories.write_folder(tmp_path / "shapes")
    wrong = [("pix2pix", unpaired, "do not belong together")]
    wrong += [(method, pairs, "several domains") for method in ("dcgan", "repair")]
    wrong += [(method, one, "needs pictures of two domains") for method in factories.TRANSLATE]
    for i, (method, folder, message) in enumerate(wrong):
        with pytest.raises(UserError, match=message):
            factories.train(tmp_path / "runs", factories.plan(method, folder), f"run{i}")


@pytest.mark.parametrize("method", factories.TRANSLATE)
def test_a_translator_is_trained_with_two_folders(tmp_path: Path, method: str) -> None:
    folder = two_folders(tmp_path / "mine", same=True)
    config = factories.CONFIGS[method] | {"size": 32}
    plan = factories.plan(method, folder, warmup=1, batch=2, config=config)
    events = factories.train(tmp_path / "runs", plan)
    assert [e.reason for e in events if type(e).__name__ == "Finished"] == ["done"]
    rows = 6 if method == "cyclegan" else 3
    (preview, *_) = sorted((tmp_path / "runs" / "run" / "previews").iterdir())
    assert Image.open(preview).size == (8 * 34 + 2, rows * 34 + 2)
