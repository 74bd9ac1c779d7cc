"""Checkpoints come back as they were, or are refused with a reason; they never run code."""

from __future__ import annotations

import errno
import json
import pickle
import resource
import shutil
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_demo.errors import BadCheckpoint
from aigc_demo.methods import checkpoint
from aigc_demo.methods.checkpoint import CARD, WEIGHTS
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests import factories

BROKEN = "shapes-flow"


# --- What is whole ---


@pytest.mark.parametrize(
    ("method", "classes"), [(m, 2) for m in factories.GENERATE] + [("dcgan", 0)]
)
def test_a_saved_model_gives_the_same_samples(tmp_path: Path, method: str, classes: int) -> None:
    model = factories.save(tmp_path / "m", method, classes=classes)
    loaded, card = checkpoint.load(tmp_path / "m")
    labels = torch.tensor([1, 0]) if classes else None
    noise = model.noise([1, 2])
    assert torch.equal(loaded.sample(noise, labels), model.sample(noise, labels))
    assert card == checkpoint.inspect(tmp_path / "m") == factories.card(model, method)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_weights_are_stored_in_half_precision_where_they_fit(tmp_path: Path) -> None:
    model = factories.model("dcgan")
    model.state_dict()["main.1.weight"].fill_(1e6)
    checkpoint.save(tmp_path, model, factories.card(model, "dcgan"))
    kinds = {k: v.dtype for k, v in load_file(tmp_path / WEIGHTS).items()}
    assert kinds["main.0.weight"] == torch.float16
    assert kinds["main.1.weight"] == torch.float32
    assert checkpoint.load(tmp_path)[0].state_dict()["main.1.weight"][0] == 1e6


def test_saving_leaves_two_files(tmp_path: Path) -> None:
    factories.save(tmp_path, "vae")
    factories.save(tmp_path, "vae", seed=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [CARD, WEIGHTS]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    checkpoint.write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        checkpoint.write_text(tmp_path / "a", "\ud800")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_reader_who_has_opened_a_file_keeps_the_old_one(tmp_path: Path) -> None:
    factories.save(tmp_path, "dcgan")
    files = [tmp_path / WEIGHTS, tmp_path / CARD]
    before = [file.read_bytes() for file in files]
    with open(files[0], "rb") as weights, open(files[1], "rb") as card:
        factories.save(tmp_path, "dcgan", seed=1, classes=3)
        assert [weights.read(), card.read()] == before
    assert all(file.read_bytes() != old for file, old in zip(files, before, strict=True))


def test_a_reader_never_sees_half_a_checkpoint(tmp_path: Path) -> None:
    models = [factories.model("dcgan"), factories.model("dcgan")]
    for value, model in enumerate(models):
        for tensor in model.state_dict().values():
            tensor.fill_(value)
    card = factories.card(models[0], "dcgan")
    checkpoint.save(tmp_path, models[0], card)
    over = threading.Event()

    def write() -> None:
        for i in range(1_000_000):
            if over.is_set():
                return
            checkpoint.save(tmp_path, models[i % 2], card)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        for _ in range(60):
            checkpoint.inspect(tmp_path)
            state = checkpoint.load(tmp_path)[0].state_dict()
            values = torch.cat([v.float().flatten() for v in state.values()]).unique()
            assert len(values) == 1
            seen.add(int(values))
    finally:
        over.set()
        writer.join()
    assert seen == {0, 1}


def test_folders_are_listed_by_name_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    assert [p.name for p in checkpoint.folders(tmp_path)] == ["a", "b"]
    assert checkpoint.folders(tmp_path / "nowhere") == []


# --- What is broken ---


class Trap:
    """A pickle of this creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return open, (str(self.path), "w")


def change_card(folder: Path, **fields: Any) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | fields))


def change_config(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / CARD).read_text())["config"]
    change_card(folder, config=config | fields)


def write_weights(folder: Path, data: bytes) -> None:
    (folder / WEIGHTS).write_bytes(data)


def truncate(folder: Path) -> None:
    write_weights(folder, (folder / WEIGHTS).read_bytes()[:-100])


def lie_in_the_header(folder: Path) -> None:
    data = (folder / WEIGHTS).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    name = next(k for k in header if k != "__metadata__")
    header[name]["shape"][0] *= 1000
    text = json.dumps(header).encode()
    write_weights(folder, struct.pack("<Q", len(text)) + text + data[8 + size :])


def drop_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors.popitem()
    save_file(tensors, folder / WEIGHTS)


FAULTS: dict[str, Callable[[Path], Any]] = {
    "no weights": lambda f: (f / WEIGHTS).unlink(),
    "empty weights": lambda f: write_weights(f, b""),
    "truncated weights": truncate,
    "a pickle": lambda f: write_weights(f, pickle.dumps(Trap(f / "trap"))),
    "torch.save": lambda f: torch.save({"a": torch.zeros(3)}, f / WEIGHTS),
    "a header too long": lambda f: write_weights(f, struct.pack("<Q", 2**60) + b"{}"),
    "a lying header": lie_in_the_header,
    "a tensor too few": drop_a_tensor,
    "weights of another method": lambda f: save_file(
        factories.model("vae").state_dict(), f / WEIGHTS
    ),
    "a folder as weights": lambda f: ((f / WEIGHTS).unlink(), (f / WEIGHTS).mkdir()),
    "no card": lambda f: (f / CARD).unlink(),
    "an empty card": lambda f: (f / CARD).write_text(""),
    "a card of words": lambda f: (f / CARD).write_text("a model"),
    "a card of bytes": lambda f: (f / CARD).write_bytes(b"\xff\xfe\x00"),
    "a card that is a list": lambda f: (f / CARD).write_text("[]"),
    "a deep card": lambda f: (f / CARD).write_text('{"method":' + "[" * 50_000),
    "an unknown method": lambda f: change_card(f, method="alchemy"),
    "another method": lambda f: change_card(f, method="dcgan"),
    "too few classes": lambda f: change_card(f, classes=["one"]),
    "no classes": lambda f: change_card(f, classes=[]),
    "an unknown setting": lambda f: change_config(f, colour="red"),
    "a width that is no number": lambda f: change_config(f, width="wide"),
    "an endless width": lambda f: change_config(f, width=10**12),
    "another width": lambda f: change_config(f, width=32),
    "levels that do not match": lambda f: change_config(f, growth=[1, 1, 1]),
    "a level of nothing": lambda f: change_config(f, growth=[1, 0]),
    "a size that cannot be halved": lambda f: change_config(f, size=33),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sound checkpoint, which nobody may change."""
    folder = tmp_path_factory.mktemp("sound") / BROKEN
    factories.save(folder, "flow")
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_checkpoint_is_refused_with_a_reason(
    sound: Path, tmp_path: Path, fault: str
) -> None:
    folder = shutil.copytree(sound, tmp_path / BROKEN)
    FAULTS[fault](folder)
    for read in (checkpoint.load, checkpoint.inspect):
        with pytest.raises(BadCheckpoint, match=rf"{BROKEN}.*; .*\.$") as caught:
            read(folder)
        assert str(tmp_path) not in str(caught.value)
    assert not (folder / "trap").exists()


def test_a_broken_checkpoint_disables_one_model_only(checkpoints: Path, trained: Path) -> None:
    names = [m.name for m in Studio(checkpoints, device="cpu").models()]
    for fault in ("no weights", "truncated weights", "no card", "another method"):
        FAULTS[fault](checkpoints / BROKEN)
        studio = Studio(checkpoints, device="cpu")
        problems = {m.name: m.problem for m in studio.models()}
        assert list(problems) == names
        assert [name for name, problem in problems.items() if problem] == [BROKEN]
        assert studio.models("generate") == studio.models()
        with pytest.raises(BadCheckpoint, match=BROKEN):
            studio.generate(GenerateRequest(model=BROKEN))
        assert studio.generate(GenerateRequest(model="shapes-dcgan", count=1)).images
        shutil.rmtree(checkpoints / BROKEN)
        shutil.copytree(trained / BROKEN, checkpoints / BROKEN)


def test_weights_that_are_no_numbers_are_found_when_they_are_loaded(checkpoints: Path) -> None:
    tensors = load_file(checkpoints / BROKEN / WEIGHTS)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, checkpoints / BROKEN / WEIGHTS)
    studio = Studio(checkpoints, device="cpu")
    with pytest.raises(BadCheckpoint, match="no numbers"):
        studio.generate(GenerateRequest(model=BROKEN, count=1))
    problems = {m.name: m.problem for m in studio.models() if m.problem}
    assert list(problems) == [BROKEN]
    assert "no numbers" in problems[BROKEN]


def test_a_repaired_checkpoint_works_again(checkpoints: Path, trained: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    truncate(checkpoints / BROKEN)
    assert any(m.problem for m in studio.models())
    write_weights(checkpoints / BROKEN, (trained / BROKEN / WEIGHTS).read_bytes())
    assert not any(m.problem for m in studio.models())


def test_no_checkpoints_are_no_models(tmp_path: Path) -> None:
    assert Studio(tmp_path / "nowhere").models() == Studio(tmp_path).models() == []


# --- The state of a run ---


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
    kinds += (torch.uint8, torch.int64, torch.bool)
    state = {
        "steps": 7,
        "rate": 1 / 3,
        "tiny": 1e-300,
        "name": "裙子",
        "none": None,
        "flag": True,
        "tensors": {str(k): torch.tensor([[0, 1], [1, 0]], dtype=k) for k in kinds},
        "optimiser": {"state": {0: {"step": torch.tensor(3.0)}, 11: {}}, "groups": [{"lr": 0.1}]},
        "lists": [[], {}, [1, [2, torch.arange(3)]]],
        "empty": torch.empty(0, 3),
        "turned": torch.arange(6).view(2, 3).T,
        "shared": [torch.ones(2)] * 2,
    }
    checkpoint.save_state(tmp_path / "s", state)
    assert factories.same(checkpoint.load_state(tmp_path / "s"), state)


def test_a_state_without_tensors_comes_back(tmp_path: Path) -> None:
    checkpoint.save_state(tmp_path / "s", {"a": [1, None]})
    assert checkpoint.load_state(tmp_path / "s") == {"a": [1, None]}


@pytest.mark.parametrize("tree", ["[", '{"__items__": 3}', '{"__tensor__": "7"}', "{}"])
def test_a_state_that_is_damaged_is_refused(tmp_path: Path, tree: str) -> None:
    save_file({"0": torch.ones(2)}, tmp_path / "state", {"tree": tree})
    with pytest.raises(BadCheckpoint, match="The file state of the run is damaged"):
        checkpoint.load_state(tmp_path / "state")
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:-1])
    with pytest.raises(BadCheckpoint, match="is damaged, so it cannot go on"):
        checkpoint.load_state(tmp_path / "state")


def test_a_file_that_finds_no_room_is_an_error_of_the_system(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            checkpoint.write_tensors(tmp_path / "a", {"0": torch.ones(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


def test_a_card_of_a_huge_model_is_refused_before_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.save(tmp_path, "vae")
    change_config(tmp_path, width=256)
    on, build = [], checkpoint._build

    def look(name: str, card: checkpoint.Card) -> Any:
        on.append(torch.empty(0).device.type)
        return build(name, card)

    monkeypatch.setattr(checkpoint, "_build", look)
    with pytest.raises(BadCheckpoint, match="belong to another model"):
        checkpoint.load(tmp_path)
    assert on == ["meta"]
