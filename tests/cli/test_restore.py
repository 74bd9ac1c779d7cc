"""A folder is restored; one bad file does not stop the rest."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.cli import restore
from aigc_demo.imaging import images
from benchmarks import faults
from tests import factories


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two pictures, a broken one and a text."""
    source = tmp_path / "in"
    source.mkdir()
    Image.fromarray(data.chelsea()[:40, :50]).save(source / "cat.png")
    Image.fromarray(data.coffee()[:40, :50]).save(source / "cup.jpg")
    (source / "bad.png").write_text("no picture")
    (source / "notes.txt").write_text("not meant")
    return source


def mask(size: tuple[int, int] = (50, 40)) -> Image.Image:
    image = Image.new("L", size)
    image.paste(255, (10, 10, 20, 20))
    return image


def test_good_pictures_are_made_and_bad_ones_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask().save(tmp_path / "mask.png")
    target = tmp_path / "out"
    status = restore.main(
        ["--method", "telea", "--mask", str(tmp_path / "mask.png"), str(folder), str(target)]
    )
    printed = capsys.readouterr()
    assert status == 1
    assert sorted(p.name for p in target.iterdir()) == ["cat.png", "cup.png"]
    assert "bad.png: The file is not a picture" in printed.err
    assert "2 of 3 restored" in printed.out
    before, after = (np.asarray(Image.open(p)) for p in (folder / "cat.png", target / "cat.png"))
    outside = np.asarray(mask()) == 0
    assert np.array_equal(before[outside], after[outside]) and not np.array_equal(before, after)


def test_masks_can_have_the_pictures_names_and_any_polarity(folder: Path, tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("cat", "cup", "bad"):
        Image.fromarray(255 - np.asarray(mask())).save(masks / f"{name}.png")
    (folder / "bad.png").unlink()
    flags = ["--method", "telea", "--mask", str(masks), "--marked", "auto", "--grow", "2"]
    assert restore.main([*flags, str(folder), str(tmp_path / "out")]) == 0
    before, after = (
        np.asarray(Image.open(p)) for p in (folder / "cat.png", tmp_path / "out" / "cat.png")
    )
    rows, columns = np.nonzero((before != after).any(axis=2))
    assert rows.min() >= 8 and rows.max() <= 21 and columns.min() >= 8 and columns.max() <= 21


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def write_alike(folder: Path) -> None:
    """Write three pictures whose names differ in their ending alone, and two in case alone."""
    for i, name in enumerate(("holiday.jpg", "holiday.png", "holiday.webp", "A.png", "a.PNG")):
        factories.draw(0, i).save(folder / name)


def test_inputs_of_one_name_have_a_result_each(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_alike(source)
    assert restore.main(["--method", "median", str(source), str(target)]) == 0
    assert names(target) == [
        *("A.png", "a-2.png", "holiday-jpg.png", "holiday-png.png", "holiday-webp.png"),
    ]
    assert len({p.read_bytes() for p in target.iterdir()}) == 5


def test_a_macs_notes_beside_pictures_are_none(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    factories.draw(0, 0).save(source / "a.png")
    (source / "._a.png").write_bytes(b"no picture")
    assert restore.main(["--method", "median", str(source), str(target)]) == 0
    assert names(target) == ["a.png"]


def test_what_lies_in_the_output_folder_stays_as_it_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.png").unlink()
    target = tmp_path / "out"
    target.mkdir()
    (target / "Cat.png").write_text("of somebody else")
    flags = ["--method", "median", str(folder), str(target)]
    assert restore.main(flags) == restore.main(flags) == 0
    assert names(target) == ["Cat.png", "cat-2.png", "cat-3.png", "cup-2.png", "cup.png"]
    assert (target / "Cat.png").read_text() == "of somebody else"
    printed = capsys.readouterr()
    assert "2 of 2 restored, 2 files written" in printed.out
    assert "cat.png → cat-2.png" in printed.err and "cat.png → cat-3.png" in printed.err


def test_one_picture_restored_into_its_own_folder_is_kept(folder: Path) -> None:
    before = (folder / "cat.png").read_bytes()
    assert restore.main(["--method", "median", str(folder / "cat.png"), str(folder)]) == 0
    assert (folder / "cat.png").read_bytes() == before
    assert (folder / "cat-2.png").is_file()


def test_a_name_as_long_as_a_system_allows_has_a_result(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    factories.draw(0, 1).save(tmp_path / "in" / f"{'é' * 125}.png")
    assert restore.main(["--method", "median", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    assert len(names(tmp_path / "out")) == 1


def test_files_that_are_no_pictures_are_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "sub").mkdir()
    restore.main(["--method", "median", str(folder), str(folder / "out")])
    assert "left out, no pictures: notes.txt, sub/\n" in capsys.readouterr().err


def test_a_mask_that_could_be_two_is_not_guessed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.png").unlink()
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in ("cat.png", "cat.webp", "cup.png", "cup.webp"):
        mask().save(masks / name, lossless=True)
    flags = ["--method", "telea", "--mask", str(masks), str(folder), str(tmp_path / "out")]
    assert restore.main(flags) == 1
    assert "cup.jpg: mask: cup.png and cup.webp could both be meant" in capsys.readouterr().err
    assert names(tmp_path / "out") == ["cat.png"]


def test_a_model_cleans(folder: Path, tmp_path: Path) -> None:
    factories.save(tmp_path / "checkpoints" / "denoise", "repair", classes=0)
    flags = [
        "--method",
        "denoise",
        "--sigma",
        "12",
        "--checkpoints",
        str(tmp_path / "checkpoints"),
    ]
    assert restore.main([*flags, str(folder / "cat.png"), str(tmp_path / "out")]) == 0
    assert Image.open(tmp_path / "out" / "cat.png").size == (50, 40)


def test_what_cannot_be_done_is_reported(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("bad.png", "cup.jpg"):
        (folder / name).unlink()
    for arguments, message in (
        ("--method median nowhere out", "restore: in: there is no such folder"),
        ("--method median empty out", "in: the folder holds no pictures"),
        ("--method median in in", "out: it is the folder of the pictures themselves"),
        ("--method telea in out", "mask: telea fills what a mask marks"),
        ("--method telea --mask gone.png in out", "mask: there is no such file"),
        ("--method telea --mask empty in out", "has none called cat"),
        ("--method denoise --sigma nan in out", "sigma: nan cannot be used"),
        ("--method median --sigma 5 in out", "sigma: median does not use it"),
        ("--method denoise --factor 4 in out", "factor: denoise does not use it"),
        ("--method median --grow 4 in out", "grow: there is no mask"),
        ("--method telea --mask in/cat.png --grow -1 in out", "grow: -1 cannot be used"),
        ("--method telea --mask in/cat.png --grow 101 in out", "grow: 101 cannot be used"),
        ("--method median --marked auto in out", "marked: there is no mask"),
        ("--method median in in/cat.png", "out: it cannot be made a folder"),
        ("--method denoise in out", "model: there is no model"),
    ):
        assert restore.main(arguments.split()) == 2
        printed = capsys.readouterr().err
        assert message in printed and "Traceback" not in printed, arguments


def test_photographs_of_phones_and_browsers_are_restored(folder: Path, tmp_path: Path) -> None:
    photo = Image.open(folder / "cat.png")
    (folder / "bad.png").unlink()
    for suffix, kind in ((".jfif", "JPEG"), (".avif", "AVIF"), (".TIF", "TIFF")):
        photo.save(folder / f"phone{suffix}", kind)
    assert restore.main(["--method", "median", str(folder), str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_what_is_not_read_is_told_with_a_way_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "layers.psd").write_bytes(b"8BPS")
    restore.main(["--method", "median", str(folder), str(tmp_path / "out")])
    assert "layers.psd (a Photoshop document (PSD): save or export" in capsys.readouterr().err
    assert restore.main([str(folder / "layers.psd"), str(tmp_path / "out")]) == 2
    assert "The file is a Photoshop document" in capsys.readouterr().err


def test_a_mask_that_marks_nothing_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (50, 40), 9).save(tmp_path / "mask.jpg")
    flags = ["--method", "telea", "--mask", str(tmp_path / "mask.jpg")]
    assert restore.main([*flags, str(folder / "cat.png"), str(tmp_path / "out")]) == 0
    assert "cat.png: The mask marks nothing" in capsys.readouterr().err


def test_no_picture_has_its_name_before_it_is_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, encode, seen = tmp_path / "out", images.encode_png, []

    def look(image: Image.Image) -> bytes:
        seen.append([name for name in names(target) if not name.startswith(".")])
        if len(seen) == 2:  # another process is quicker
            (target / "cup.png").write_text("of another")
        return encode(image)

    monkeypatch.setattr(images, "encode_png", look)
    assert restore.main(["--method", "median", str(folder), str(target)]) == 1
    assert seen == [[], ["cat.png"]]
    assert names(target) == ["cat.png", "cup-2.png", "cup.png"]
    assert (target / "cup.png").read_text() == "of another"


def test_a_folder_without_links_is_written_to_as_well(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*given: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", link)
    flags = ["--method", "median", str(folder), str(tmp_path / "out")]
    assert restore.main(flags) == restore.main(flags) == 1
    assert names(tmp_path / "out") == ["cat-2.png", "cat.png", "cup-2.png", "cup.png"]


def test_a_command_that_is_killed_leaves_whole_pictures_only(tmp_path: Path) -> None:
    result = faults.kill_restoring(tmp_path, 2, random.Random(0))
    assert result.tried == 2 and not result.wrong
