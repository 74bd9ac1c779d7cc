"""Extractors describe any picture, one like another, and open no file that they should not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor

from aigc_demo.errors import BadCheckpoint, BadData, BadImage
from aigc_demo.methods import checkpoint
from aigc_demo.metrics.feature_extractors import (
    Extractor,
    Features,
    compact,
    download_inception,
    inception,
)
from tests import factories

CLASSES = ("mnist/0", "mnist/1", "cifar10/cat", "emoji/all")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_inception(path: Path) -> Path:
    """Write random weights of Inception and return their file."""
    from torch_fidelity import feature_extractor_inceptionv3 as original

    class Untrained(original.FeatureExtractorInceptionV3):
        def load_state_dict(self, state: dict[str, Tensor]) -> None:
            pass

    torch.manual_seed(0)
    with mock.patch.object(original, "load_state_dict_from_url", lambda *_, **__: {}):
        torch.save(Untrained("untrained", ["2048"]).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny untrained classifier of CLASSES."""
    folder = tmp_path_factory.mktemp("extractors") / "tiny"
    model = factories.model("classifier", classes=len(CLASSES))
    card = checkpoint.Card(method="classifier", config=model.config.model_dump(), classes=CLASSES)
    checkpoint.save(folder, model, card)
    return folder


@pytest.fixture
def extractor(folder: Path) -> Extractor:
    return compact(folder, "cpu")


def pictures(n: int, channels: int = 3, side: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (n, channels, side, side), dtype=torch.uint8, generator=generator)


def test_any_number_and_size_of_images_has_finite_features(extractor: Extractor) -> None:
    constant = [torch.full((2, 3, 32, 32), level, dtype=torch.uint8) for level in (0, 255)]
    some = [pictures(0, 1, 28), pictures(1, 3, 64), pictures(100, 1, 32), pictures(101, 3, 28)]
    for x in [*some, *constant]:
        found = extractor(x)
        assert found.values.shape == (len(x), extractor.dimensions) and len(found) == len(x)
        assert found.logits.shape == (len(x), len(CLASSES))
        assert found.values.dtype == torch.float32 and bool(found.values.isfinite().all())


def test_a_picture_is_described_alike_alone_and_among_others(extractor: Extractor) -> None:
    x = pictures(230)
    together, alone = extractor(x), Features.cat([extractor(x[117:118]), extractor(x[205:230])])
    expected = torch.cat([together.values[117:118], together.values[205:230]])
    torch.testing.assert_close(alone.values, expected, rtol=1e-5, atol=1e-5)


def test_a_grey_picture_is_described_like_the_same_in_rgb(extractor: Extractor) -> None:
    x = pictures(3, 1)
    assert torch.equal(extractor(x).values, extractor(x.expand(-1, 3, -1, -1)).values)


def test_other_tensors_are_refused(extractor: Extractor) -> None:
    for x in (torch.zeros(2, 3, 8, 8), pictures(2, 4), pictures(2)[0]):
        with pytest.raises(BadImage, match="uint8"):
            extractor(x)


def test_the_classes_of_a_known_set_alone_are_found_in_its_order(extractor: Extractor) -> None:
    assert extractor.class_numbers("mnist", ("1", "0")) == [1, 0]
    assert extractor.class_numbers("cifar10", ("cat",)) == [2]
    assert extractor.class_numbers("mnist+cifar10", ("mnist/0", "cifar10/cat")) == [0, 2]

    for name, classes in (
        ("scenes", ("sea",)),
        ("mnist", ("0", "2")),
        ("mnist", ()),
        ("", ("0",)),
    ):
        assert extractor.class_numbers(name, classes) is None


def test_other_weights_have_another_fingerprint(extractor: Extractor, tmp_path: Path) -> None:
    factories.save(tmp_path / "other", "classifier", seed=1)
    assert compact(tmp_path / "other", "cpu").fingerprint != extractor.fingerprint


def test_a_missing_compact_and_a_model_that_measures_nothing_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="compact has no card.json"):
        compact(tmp_path / "compact")
    factories.save(tmp_path / "gan", "dcgan")
    with pytest.raises(BadCheckpoint, match="gan makes pictures"):
        compact(tmp_path / "gan")


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(Path(os.environ["BOMB"])),)


def test_a_pickle_that_holds_code_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    path = tmp_path / "bomb.pth"
    torch.save({"fc.weight": Bomb()}, path)
    with pytest.raises(BadCheckpoint, match=r"bomb\.pth is missing or holds no weights"):
        inception(path, sha256=sha256(path))
    assert not (tmp_path / "exploded").exists()


def test_a_file_with_another_hash_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({}, path)
    with (
        mock.patch("torch.load", side_effect=AssertionError("it was read")),
        pytest.raises(BadCheckpoint, match=r"other\.pth has the SHA-256 .* not 6726825d"),
    ):
        inception(path)


def test_files_that_are_no_weights_of_inception_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"none\.pth is missing"):
        inception(tmp_path / "none.pth")
    for name, content in (("list.pth", [1]), ("part.pth", {"fc.bias": torch.zeros(3)})):
        torch.save(content, tmp_path / name)
        with pytest.raises(BadCheckpoint, match=f"{name[:4]}.pth is missing or holds no"):
            inception(tmp_path / name, sha256=sha256(tmp_path / name))
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(BadCheckpoint, match=r"text\.pth"):
        inception(tmp_path / "text.pth", sha256=sha256(tmp_path / "text.pth"))


def test_weights_are_downloaded_once_and_without_a_network_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("unreachable")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(BadData, match="--inception-weights"):
        download_inception(tmp_path / "cache")
    path = tmp_path / "weights-inception-2015-12-05-6726825d.pth"
    path.write_bytes(b"there")
    assert download_inception(tmp_path) == path
