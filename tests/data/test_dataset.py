"""Data sets are read whole and come in batches whose order the seed alone decides."""

from __future__ import annotations

import itertools
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image

from aigc_demo import data
from aigc_demo.errors import UserError
from aigc_demo.imaging import images
from aigc_demo.methods.base import Batch
from tests import factories
from tests.conftest import TinyData


def numbered(count: int, *, flip: bool = False) -> data.Dataset:
    """Return pictures (3, 2, 2) whose pixels are their index, left, and 255, right."""
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None].repeat(1, 3, 2, 2)
    pixels[..., 1] = 255
    return data.Dataset("n", "n", pixels, torch.arange(count), ("a",), "", flip)


def first(dataset: data.Dataset, batches: int, size: int, **order: int) -> list[Batch]:
    return list(itertools.islice(dataset.batches(size, **{"seed": 0} | order), batches))


def numbers(batches: list[Batch]) -> list[int]:
    return torch.cat([b.labels for b in batches]).tolist()


def test_the_seed_decides_the_order() -> None:
    one = first(numbered(10, flip=True), 5, 4, seed=3)
    torch.rand(1)  # the global generator has no part in it
    again, other = (first(numbered(10, flip=True), 5, 4, seed=s) for s in (3, 4))
    assert all(torch.equal(a.images, b.images) for a, b in zip(one, again, strict=True))
    assert numbers(one) != numbers(other)


def test_every_image_comes_once_an_epoch_in_another_order_each_time() -> None:
    for size in (1, 3, 10, 25):
        got = numbers(first(numbered(10), -(-30 // size), size))
        epochs = [got[at : at + 10] for at in (0, 10, 20)]
        assert all(Counter(epoch) == Counter(range(10)) for epoch in epochs)
        assert epochs[0] != epochs[1] != epochs[2]


def test_start_skips_exactly_with_any_seed() -> None:
    for start, size in ((1, 3), (2, 25), (7, 3)):
        whole = first(numbered(10, flip=True), start + 3, size)[start:]
        for a, b in zip(whole, first(numbered(10, flip=True), 3, size, start=start), strict=True):
            assert torch.equal(a.images, b.images)
            assert torch.equal(a.labels, b.labels)
    assert sorted(numbers(first(numbered(10, flip=True), 1, 10, seed=2**53 - 1))) == [*range(10)]


def test_pictures_and_labels_stay_together() -> None:
    for batch in first(numbered(10), 5, 4):
        assert torch.equal(images.quantise(batch.images)[:, 0, 0, 0].long(), batch.labels)


def test_about_half_the_pictures_are_mirrored_where_that_is_allowed() -> None:
    batches = first(numbered(10, flip=True), 50, 10)
    mirrored = torch.cat([b.images[:, 0, 0, 0] == 1 for b in batches]).float().mean()
    assert 0.4 < mirrored < 0.6


def test_mnist_is_padded_from_28_to_32_with_black(tiny_data: TinyData) -> None:
    found = data.load("mnist", root=tiny_data.root)
    assert found.images.shape == (20, 1, 32, 32)
    for i, picture in enumerate(found.images[:, 0]):
        assert (picture[2:30, 2:30] == i + 1).all()
        assert picture.sum() == (i + 1) * 28 * 28
    assert found.labels.tolist() == [i % 10 for i in range(20)]
    assert found.classes == tuple("0123456789")


def test_a_folder_and_its_zip_are_equal(tiny_data: TinyData) -> None:
    for split in ("train", "test"):
        a, b = (data.load(str(path), split) for path in (tiny_data.folder, tiny_data.zip))
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)
        assert a.classes == b.classes == factories.SHAPES


def test_pictures_of_the_right_size_are_kept_to_the_bit(tiny_data: TinyData) -> None:
    found = data.load(str(tiny_data.folder))
    drawn = images.to_pixels(factories.draw(0, 1))
    assert (found.images == drawn).flatten(1).all(1).sum() == 1


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    factories.write_folder(tmp_path / "train", each=3)
    factories.write_folder(tmp_path / "test", each=2)
    for i in range(2):  # of the training pictures
        factories.draw(0, 50 + i).save(tmp_path / "test" / "discs" / f"{i:03d}.png")
        factories.draw(1, 50 + i).save(tmp_path / "test" / "squares" / f"{i:03d}.png")
    train, test = (data.load(str(tmp_path), split) for split in ("train", "test"))
    assert (len(train), len(test)) == (6, 4)
    assert train.classes == test.classes == factories.SHAPES


def test_pictures_without_class_folders_are_one_nameless_class(tmp_path: Path) -> None:
    for i in range(5):
        factories.draw(0, i).save(tmp_path / f"{i}.png")
    assert data.load(str(tmp_path)).classes == ()


def test_transparent_parts_take_the_background(tmp_path: Path) -> None:
    for i in range(3):
        Image.new("RGBA", (32, 32), (200, 0, 0, 0)).save(tmp_path / f"{i}.png")
    assert data.load(str(tmp_path)).images.eq(255).all()


def test_images_of_any_size_fit(tmp_path: Path) -> None:
    for i, size in enumerate([(16, 16), (64, 64), (90, 60), (31, 28)]):
        Image.new("RGB", size, "red").save(tmp_path / f"{i}.png")
    found = data.load(str(tmp_path)).images
    assert found.shape == (4, 3, 32, 32)
    assert (found[:, :, 16, 16] == torch.tensor([255, 0, 0])).all()


def test_faulty_images_are_left_out_of_folders_and_zips(tmp_path: Path) -> None:
    truncated = images.encode_png(Image.effect_noise((64, 64), 50))[:900]
    folder = factories.write_folder(tmp_path / "shapes")
    for i, fault in enumerate([b"no image at all", b"", truncated], 3):
        (folder / "discs" / f"{i:03d}.png").write_bytes(fault)
    for path in (folder, factories.write_zip(tmp_path / "shapes.zip", folder)):
        assert sum(len(data.load(str(path), split)) for split in ("train", "test")) == 21


def test_a_damaged_member_of_a_zip_is_left_out(tmp_path: Path, tiny_data: TinyData) -> None:
    damaged = bytearray(tiny_data.zip.read_bytes())
    with zipfile.ZipFile(tiny_data.zip) as archive:
        at = archive.getinfo("discs/003.png").header_offset + 60
    damaged[at] ^= 0xFF
    (tmp_path / "shapes.zip").write_bytes(damaged)
    path = str(tmp_path / "shapes.zip")
    assert sum(len(data.load(path, split)) for split in ("train", "test")) == 23


def test_what_is_no_picture_by_name_is_left_out(tmp_path: Path) -> None:
    folder = factories.write_folder(tmp_path / "shapes")
    (folder / "discs" / "notes.txt").write_text("hello")
    (folder / "discs" / "._000.png").write_bytes(b"a ghost of macOS")
    assert sum(len(data.load(str(folder), split)) for split in ("train", "test")) == 24


def test_names_that_lead_out_of_a_zip_write_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in" / "slip.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(3):
            archive.writestr(f"../../a{i}.png", images.encode_png(factories.draw(0, i)))
            archive.writestr(f"b{i}.png", images.encode_png(factories.draw(1, i)))
    assert len(data.load(str(path))) == 3
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "slip.zip"]


def test_data_that_cannot_be_used_is_a_sentence_without_a_path(tmp_path: Path) -> None:
    for name in ("empty", "faulty"):
        (tmp_path / name).mkdir()
    factories.write_zip(tmp_path / "empty.zip", tmp_path / "empty")
    (tmp_path / "no.zip").write_bytes(b"PK no zip")
    for i in range(3):
        (tmp_path / "faulty" / f"{i}.png").write_bytes(b"no image")
    places = [str(tmp_path / n) for n in ("empty", "empty.zip", "no.zip", "faulty", "nowhere")]
    for name in [*places, "mnist", "cifar10", "scenes", "minst", "a\0b"]:
        with pytest.raises(UserError) as caught:
            data.load(name, root=tmp_path / "root")
        assert str(caught.value).endswith(".")
        # A name that is no data set is repeated, so that a slip of the pen can be seen.
        assert name.endswith("nowhere") or str(tmp_path) not in str(caught.value)


def test_a_missing_folder_is_told_the_choices(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^data: .*mnist.*folder or zip"):
        data.load(str(tmp_path / "nowhere"))


def test_available_lists_what_is_here(tiny_data: TinyData, tmp_path: Path) -> None:
    made_here = ["shapes", "outlines"]
    assert data.available(tiny_data.root) == ["mnist", *made_here]
    assert data.available(tmp_path) == made_here
