"""What was read depends on the words of a text, and on nothing beside it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch
from aigc_demo.nn import byte_tokenizer
from aigc_demo.nn.text_encoder import TextEncoder, prefix_hashes, trigram_hashes, word_boundaries
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def reader() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(width=32, depth=2, slots=3, table=4096).eval().requires_grad_(False)


def words_of(codes: Tensor) -> list[list[str]]:
    starts, inside = word_boundaries(codes)
    found = []
    for row, first, within in zip(codes.tolist(), starts.tolist(), inside.tolist(), strict=True):
        words: list[bytearray] = []
        for byte, new, there in zip(row, first, within, strict=True):
            if new:
                words.append(bytearray())
            if there:
                words[-1].append(byte)
        found.append([w.decode() for w in words])
    return found


def test_words_stand_between_spaces_and_signs_alone() -> None:
    given = ["openmoji: red fox", "a-b, c", "", "2nd 海豚!", "😀"]
    expected = [
        ["openmoji", ":", "red", "fox"],
        ["a", "-", "b", ",", "c"],
        [],
        ["2nd", "海豚", "!"],
        ["😀"],
    ]
    assert words_of(byte_tokenizer.encode(given)) == expected


def test_the_last_byte_of_a_word_knows_the_word_wherever_it_stands() -> None:
    codes = byte_tokenizer.encode(["red fox", "fox", "a fox, red", "box"])
    starts, _ = word_boundaries(codes)
    hashed = prefix_hashes(codes, starts)
    at = [hashed[0, 6], hashed[1, 2], hashed[2, 4]]
    assert at[0] == at[1] == at[2] != hashed[3, 2]
    assert (
        trigram_hashes(codes)[0, 6] == trigram_hashes(codes)[2, 4] != trigram_hashes(codes)[3, 2]
    )


@pytest.mark.parametrize("training", [False, True])
def test_padding_makes_no_difference(reader: TextEncoder, training: bool) -> None:
    reader.train(training)
    said = ["dolphin", "a red fox in the style of noto", "", "🐬"]
    long, short = byte_tokenizer.encode(said), byte_tokenizer.encode(said, 32)
    torch.testing.assert_close(reader(long), reader(short))


@pytest.mark.parametrize("training", [False, True])
def test_a_text_is_read_alone_as_among_others(reader: TextEncoder, training: bool) -> None:
    reader.train(training)
    codes = byte_tokenizer.encode(["fox", "a red fox in the style of noto, animals & nature"])
    torch.testing.assert_close(reader(codes)[:1], reader(codes[:1]))


def test_the_same_text_is_read_the_same_to_the_byte_at_any_place(reader: TextEncoder) -> None:
    others = ["", "dolphin", "a long way " * 15]
    one = reader(byte_tokenizer.encode(["fox", *others]))[0]
    last = reader(byte_tokenizer.encode([*reversed(others), "fox"]))[-1]
    assert torch.equal(one, last)


def test_order_case_and_a_typo_matter_as_they_should(reader: TextEncoder) -> None:
    said = ["red fox", "fox red", "red fix", "Red Fox", "green whale"]
    read = reader(byte_tokenizer.encode(said))
    same, swapped, typo, other = (float((read[0] - read[i]).norm()) for i in (3, 1, 2, 4))
    assert same == 0
    assert swapped > 0 and 0 < typo < other


def test_no_text_is_read_without_a_fault(reader: TextEncoder) -> None:
    read = reader(torch.zeros(2, 8, dtype=torch.uint8))
    assert read.isfinite().all() and read.shape == (2, reader.outputs)
    torch.testing.assert_close(read, reader(byte_tokenizer.encode(["", "\n"])))


# --- The method around it ---


def model() -> torch.nn.Module:
    return factories.model("text2image")


def test_guidance_of_1_is_what_the_words_alone_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DTYPE", "float32")
    net = model()
    told = net.encode_prompts(byte_tokenizer.encode(["discs", "squares"]))
    x, t = net.noise([1, 2]), torch.full((2,), 0.3)
    layout, _ = net.painter.layout_and_sketch(told)
    alone = (net.painter(x, t, told, layout) - x) / 0.7
    torch.testing.assert_close(net.velocity(x, 0.3, told, None, 1.0), alone)
    nothing = net.encode_prompts(byte_tokenizer.encode(["", ""]))
    torch.testing.assert_close(net.velocity(x, 0.3, told, nothing, 1.0), alone)
    assert not torch.allclose(net.velocity(x, 0.3, told, nothing, 3.0), alone)


def test_no_captions_are_the_empty_caption(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DTYPE", "float32")
    net = model()
    empty = net.sample(net.noise([1]), captions=byte_tokenizer.encode([""]), guidance=3.0)
    torch.testing.assert_close(net.sample(net.noise([1])), empty, atol=1e-5, rtol=1e-4)


def test_it_learns_which_words_mean_which_picture() -> None:
    """Two words, two greys; and a wording that was never in a batch is understood."""
    torch.manual_seed(0)
    net = METHODS["text2image"].build(factories.CONFIGS["text2image"] | {"drop": 0.0})
    trainer = net.trainer(lr=3e-3, ema=0.08, seed=0)
    x = torch.tensor([-0.8, 0.8] * 8)[:, None, None, None].expand(-1, 3, 32, 32).clone()
    batch = Batch(x, captions=byte_tokenizer.encode(["a night", "a day"] * 8))
    for _ in range(60):
        losses = trainer.training_step(batch)
    assert float(losses["sketch"]) < 0.05
    told = net.encode_prompts(byte_tokenizer.encode(["night", "day"]))
    _, sketch = net.painter.layout_and_sketch(told)
    assert float(sketch[0].mean()) < -0.4 < 0.4 < float(sketch[1].mean())
