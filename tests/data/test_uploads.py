"""What a user uploads is validated before anything is trained: what belongs together, and what is
told of it.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from aigc_demo.data import Domains
from aigc_demo.data.archives import REASONS
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from tests import factories
from tests.data.uploads import heap, pack, png, read, reasons

# --- What belongs together -----------------------------------------------------------------------


def test_class_folders_are_classes_whatever_is_around_them(tmp_path: Path) -> None:
    for around, slash in (("", "/"), ("my photos/", "/"), ("a/b/", "\\")):  # Windows writes \\
        files = {around + n: c for n, c in (heap(4, "cats") | heap(3, "dogs", 50)).items()}
        files = {n.replace("/", slash): c for n, c in files.items()}
        own = read(pack(tmp_path / "pets.zip", files | {around + "readme.txt": b"-"}))
        assert own.report.counts == {"cats": 4, "dogs": 3} and own.report.title == "pets"
        assert own.classes == ("cats", "dogs") and own.labels.tolist() == [0] * 4 + [1] * 3
        assert own.images.shape == (7, 3, 32, 32)
        assert own.images[:, 0, 16, 16].tolist() == [0, 1, 2, 3, 50, 51, 52]


def test_a_folder_and_its_zip_are_equal(tmp_path: Path) -> None:
    folder = factories.write_folder(tmp_path / "things")
    one, other = read(folder), read(factories.write_zip(tmp_path / "things.zip", folder))
    assert one.report == other.report
    assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


def test_images_without_class_folders_and_single_files_have_no_classes(tmp_path: Path) -> None:
    for folder in ("", "only", "train"):
        own = read(pack(tmp_path / "a.zip", heap(4, folder)))
        assert own.classes == () and own.report.layout == "one"
        assert own.report.counts == {"all": 4}
    paths = []
    for name, content in heap(3).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    own = validation.validate(paths, size=32)
    assert own.report.count == 3 and own.classes == ()


def test_two_folders_of_different_names_are_domains_or_classes(tmp_path: Path) -> None:
    files = {f"summer/june {i}.png": png(i) for i in range(4)}
    files |= {f"winter/snow {i}.png": png(50 + i) for i in range(5)}
    own = read(pack(tmp_path / "a.zip", files))
    assert own.report.layout == "two" and (own.pairs == -1).all()
    needs = ("pictures", "domains", "pairs")
    assert [own.report.serves(n) for n in needs] == [True, True, False]
    own.save(tmp_path)
    found = user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "domains")
    assert isinstance(found, Domains) and not found.paired
    assert found.domains == ("summer", "winter")
    assert (len(found.images), len(found.others[0])) == (4, 5)


def test_two_folders_with_equal_names_are_pairs(tmp_path: Path) -> None:
    tests = heap(2, "testA", 200) | heap(2, "testB", 210)
    for a, b, rest, domains in (
        ("trainA", "trainB", tests, ("A", "B")),
        ("maps", "photos", {}, ("maps", "photos")),
    ):
        files = {n.replace(".png", " elm.png"): x for n, x in heap(6, a).items()} | rest
        names = [n.replace(".png", " elm.png") for n in heap(6, b)]
        files |= {n.replace(".png", ".jpg"): jpg(100 + i) for i, n in enumerate(names)}
        files[f"{a}/0003 elm.png"] = b"damaged"
        own = read(pack(tmp_path / "a.zip", files))
        assert own.report.layout == "pairs" and own.report.serves("pairs")
        own.save(tmp_path)
        found = user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "pairs")
        assert isinstance(found, Domains) and found.paired
        left, right = (x[:, 0, 0, 0].int().tolist() for x in (found.images, found.others[0]))
        assert left == [0, 1, 2, 4, 5] and [r - 100 for r in right] == pytest.approx(left, abs=2)
        assert found.domains == domains


def jpg(value: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (value, 0, 90)).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_too_many_folders_are_no_classes(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", {f"day {i}/a.png": png(i) for i in range(101)}))
    assert own.classes == () and own.report.count == 101
    assert ("many", {"count": 101}) in own.report.warnings


def test_two_classes_with_one_picture_each_train(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(1, "a") | heap(1, "b", 9)))
    assert own.report.counts == {"a": 1, "b": 1}
    keys = [key for key, _ in own.report.warnings]
    assert {"few", "rare", "small", "none_held"} <= set(keys)
    plan = factories.plan("dcgan", "yours:a")
    directory = factories.runs.create(tmp_path / "runs", plan, "run", pictures=own)
    *_, last = factories.follow(directory)
    assert last.reason == "done"


def test_captions_survive_to_the_byte(tmp_path: Path) -> None:
    captions = "file,caption\ncats/0000.png,“a cat, 猫”\r\n".encode()
    files = heap(3, "cats") | heap(3, "dogs", 9) | {"captions.csv": captions}
    own = read(pack(tmp_path / "a.zip", files))
    assert own.report.captions == 1 and own.report.skipped == ()
    own.save(tmp_path)
    assert (tmp_path / "captions.csv").read_bytes() == captions
    assert own.names[0] == "cats/0000.png"


# --- The report ----------------------------------------------------------------------------------


def test_the_report_tells_what_to_think_of(tmp_path: Path) -> None:
    files = heap(60, "many") | heap(4, "few", 90) | {"many/copy.png": png(3), "x.png": png(77)}
    report = read(pack(tmp_path / "a.zip", files)).report
    told = dict(report.warnings)
    assert told["few"] == {"least": 100}
    assert told["unequal"] == {"large": "many", "most": 61, "small": "unsorted", "fewest": 1}
    assert told["rare"]["names"] == "few, unsorted"
    assert told["copies"] == {"count": 1} and told["loose"]["count"] == 1
    assert told["small"] == {"count": 66, "size": 32}
    lines = "\n".join(report.lines())
    assert "a: 66 pictures, 3 classes" in lines and "many" in lines and "{" not in lines


def test_every_reason_is_a_word_that_is_known(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(2) | {f"{i}.txt": b"" for i in range(30)}))
    lines = own.report.lines(most=5)
    assert lines[-1] == "  … and 25 more" and lines[-2].endswith(REASONS["other"])


def test_names_are_shown_without_signs_that_have_no_form(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(2) | {"a\u202egnp.txt": b"", "x" * 300: b""}))
    assert sorted(map(len, reasons(own))) == [9, 120]
    assert "\u202e" not in "".join(own.report.lines())


def test_the_sheet_shows_every_class(tmp_path: Path) -> None:
    files = {n: png(0) for n in heap(100, "a")} | {n: png(255) for n in heap(3, "b")}
    sheet = read(pack(tmp_path / "a.zip", files)).sheet()
    assert sheet.size == (12 * 34 + 2, 4 * 34 + 2)
    assert sheet.getpixel((20, 20))[0] == 0 and sheet.getpixel((400, 120))[0] == 255


def test_pictures_are_cut_to_their_middle_square_and_turned_upright(tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    turned = Image.new("RGB", (64, 32), "red")
    turned.paste("lime", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6  # its left is above
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif, quality=100, subsampling=0)
    own = read(
        pack(tmp_path / "a.zip", {"a.png": images.encode_png(wide), "b.jpg": out.getvalue()})
    )
    assert own.images[0].float().mean(dim=(1, 2)).tolist() == [0, 0, 255]
    top, bottom = own.images[1, 1, 2].float().mean(), own.images[1, 1, -3].float().mean()
    assert top > 240 and bottom < 15


def test_a_large_photograph_is_decoded_reduced(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.effect_noise((2000, 1500), 30).convert("RGB").save(out, "JPEG", quality=80)
    files = {f"{i}.jpg": out.getvalue() for i in range(2)}
    own = read(pack(tmp_path / "a.zip", files), decoded=2 * 300 * 300)
    assert own.report.count == 2
    assert 118 < own.images.float().mean() < 138


# --- In a run ------------------------------------------------------------------------------------


def test_the_pictures_are_the_runs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on when the zip is gone, keeps nothing elsewhere, and takes all with it."""
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    path = factories.write_zip(
        tmp_path / "things.zip", factories.write_folder(tmp_path / "things", 30)
    )
    own = replace(validation.validate([path], size=32), flip=True)
    plan = factories.plan("dcgan", "yours:things", score_every=0.01, score_count=60)
    directory = factories.runs.create(tmp_path / "runs", plan, "run", pictures=own)
    path.unlink()
    events = list(factories.follow(directory))
    assert events[-1].reason == "done"
    assert [e for e in events if type(e).__name__ == "Scored"]
    assert not list((tmp_path / "cache").rglob("*"))
    found = user_dataset.load(directory / user_dataset.IMAGES_FILE, "pictures")
    assert torch.equal(found.images, own.images[~own.held_out])
    assert found.classes == factories.SHAPES
    assert found.flip is True and found.private

    longer = plan.model_copy(update={"steps": 5})
    (directory / "plan.json").write_text(longer.model_dump_json())
    started, *_, last = factories.follow(directory)
    assert (started.step, last.step, last.reason) == (3, 5, "done")

    factories.runs.discard(directory)
    assert list((tmp_path / "runs").iterdir()) == []


def test_pictures_that_cannot_be_written_leave_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = read(pack(tmp_path / "a.zip", heap(3)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(user_dataset.checkpoint, "write_tensors", full)
    with pytest.raises(factories.runs.UserError, match="The disk is full"):
        factories.runs.create(
            tmp_path / "runs", factories.plan("dcgan", "yours:a"), "run", pictures=own
        )
    assert not (tmp_path / "runs" / "run").exists()


def test_translators_are_trained_with_two_folders(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(6, "maps") | heap(6, "photos", 40)))
    for method in ("cyclegan", "pix2pix"):
        plan = factories.plan(method, "yours:a", steps=2, batch=2)
        run = factories.runs.create(tmp_path / "runs", plan, method, pictures=own)
        *_, last = factories.follow(run)
        assert last.reason == "done"
        card = factories.checkpoint.read_card(run / "model")
        assert card.domains == ("maps", "photos")


def test_damaged_images_of_a_run_are_reported(tmp_path: Path) -> None:
    (tmp_path / user_dataset.IMAGES_FILE).write_bytes(b"no tensors")
    with pytest.raises(BadData, match="damaged; start it again"):
        user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "pictures")
