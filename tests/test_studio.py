"""The studio paints the same picture for the same request, whatever happens around it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.checkpoint import CARD
from aigc_demo.nn.interpolation import slerp
from aigc_demo.pipelines.generation import BATCH, GenerateResult
from aigc_demo.pipelines.model_cache import MAX_LOADED
from aigc_demo.pipelines.model_info import labels_of, options_of
from aigc_demo.requests import MAX_SEED, GenerateRequest, MorphRequest
from aigc_demo.studio import Studio
from tests import factories

FLOW, DCGAN, VAE, PLAIN = "shapes-flow", "shapes-dcgan", "shapes-vae", "plain-dcgan"
TEXT = "shapes-text2image"
MODELS = [f"shapes-{method}" for method in factories.GENERATE] + [PLAIN]


def ask(model: str, **fields: Any) -> GenerateRequest:
    return GenerateRequest(**{"model": model, "count": 1, "evaluations": 4} | fields)


def told(model: str, word: str, end: str = "") -> dict[str, str]:
    """Return the field in which a model is told what to paint, where it can be."""
    if model == PLAIN:
        return {}
    return {f"{end}prompt" if model == TEXT else f"{end}label": word}


def pixels(result: GenerateResult) -> list[bytes]:
    return [image.tobytes() for image in result.images]


# --- The same request, the same picture ---


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("count", [1, 5, BATCH, BATCH + 3, 2 * BATCH + 1])
def test_a_picture_is_the_same_alone_and_among_others(
    studio: Studio, model: str, count: int
) -> None:
    what = told(model, factories.SHAPES[1])
    together = pixels(studio.generate(ask(model, seed=7, count=count, **what)))
    assert len(set(together)) == count
    for place in {0, count // 2, count - 1}:
        alone = studio.generate(ask(model, seed=7 + place, **what))
        assert pixels(alone) == together[place : place + 1]


@pytest.mark.parametrize("model", MODELS)
def test_a_picture_is_the_same_at_any_place(studio: Studio, model: str) -> None:
    what = told(model, factories.SHAPES[0])
    one, other = (pixels(studio.generate(ask(model, seed=s, count=12, **what))) for s in (20, 15))
    assert one[:7] == other[5:]


@pytest.mark.parametrize("model", MODELS)
def test_a_request_repeats_in_this_studio_and_in_another(
    studio: Studio, trained: Path, model: str
) -> None:
    request = ask(model, seed=3, count=5)
    first = pixels(studio.generate(request))
    torch.rand(1)
    assert pixels(studio.generate(request)) == first
    assert pixels(Studio(trained, device="cpu").generate(request)) == first


@pytest.mark.parametrize("model", MODELS)
def test_steps_end_with_the_pictures_of_generate(studio: Studio, model: str) -> None:
    request = ask(model, seed=3, count=BATCH + 2)
    steps = list(studio.generate_steps(request))
    assert all(len(step.images) == BATCH + 2 for step in steps)
    assert len({image.size for step in steps for image in step.images}) == 1
    assert pixels(steps[-1]) == pixels(studio.generate(request))


def test_a_flow_shows_its_pictures_while_they_form(studio: Studio) -> None:
    steps = list(studio.generate_steps(ask(FLOW, evaluations=8)))
    assert len({pixels(step)[0] for step in steps}) == 4


def test_a_reader_who_goes_away_leaves_the_studio_free(studio: Studio) -> None:
    forming = studio.generate_steps(ask(FLOW))
    next(forming)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(studio.generate, ask(FLOW, seed=1)).result(timeout=30)
    assert pixels(other) == pixels(studio.generate(ask(FLOW, seed=1)))


def test_threads_get_what_they_asked_for(studio: Studio) -> None:
    requests = [ask(m, seed=s, count=3) for s in range(6) for m in MODELS]
    serial = [pixels(studio.generate(r)) for r in requests]
    with ThreadPoolExecutor(4) as pool:
        together = [pixels(r) for r in pool.map(studio.generate, requests)]
    assert together == serial


def test_seeds_wrap_around_at_the_largest(studio: Studio) -> None:
    result = studio.generate(ask(DCGAN, label=factories.SHAPES[0], seed=MAX_SEED, count=2))
    assert result.seeds == [MAX_SEED, 0]
    alone = studio.generate(ask(DCGAN, label=factories.SHAPES[0], seed=0))
    assert pixels(result)[1:] == pixels(alone)


# --- Labels and options ---


@pytest.mark.parametrize("model", [m for m in MODELS if m not in (TEXT, PLAIN)])
def test_no_label_takes_every_class_in_turn(studio: Studio, model: str) -> None:
    result = studio.generate(ask(model, count=5, seed=2))
    assert result.labels == [factories.SHAPES[i % 2] for i in range(5)]
    for i, label in enumerate(result.labels):
        alone = studio.generate(ask(model, label=label, seed=2 + i))
        assert pixels(alone)[0] == pixels(result)[i]


def test_a_model_without_classes_has_no_labels(studio: Studio) -> None:
    assert studio.generate(ask(PLAIN, count=2)).labels == ["", ""]
    assert studio.info(PLAIN).labels == ()
    assert studio.info(PLAIN).condition == "none"


LABELS = ["", "Discs", "x" * 200, "a\0b", "👗", "\u202esquares", "*"]


@pytest.mark.parametrize("label", LABELS, ids=ascii)
@pytest.mark.parametrize("model", [DCGAN, PLAIN])
def test_an_unknown_label_is_told_the_choices(studio: Studio, model: str, label: str) -> None:
    choices = "unconditional" if model == PLAIN else "discs, squares"
    with pytest.raises(BadValue, match=f"^label: .*{choices}"):
        studio.generate(ask(model, label=label))
    with pytest.raises(BadValue, match="^label: "):
        labels_of(studio.info(model), label, 1)


@pytest.mark.parametrize(
    "name", ["nothing", ".", "..", "../checkpoints", "/etc", "SHAPES-flow", "x" * 200], ids=ascii
)
def test_an_unknown_model_is_told_the_choices(studio: Studio, name: str) -> None:
    choices = ", ".join(sorted(MODELS))
    for use in (studio.generate, studio.info):
        with pytest.raises(BadValue, match=f"^model: .*{choices}"):
            use(ask(name) if use == studio.generate else name)


@pytest.mark.parametrize("model", MODELS)
def test_options_are_the_methods_and_their_defaults_the_cards(
    checkpoints: Path, model: str
) -> None:
    folder = checkpoints / model
    card = checkpoint.read_card(folder)
    plain = Studio(checkpoints).info(model)
    declared = METHODS[card.method].network.options
    guided = card.classes or model == TEXT
    wanted = {o.name: o.default for o in declared if guided or o.name != "guidance"}
    assert options_of(plain, GenerateRequest(model=model)) == wanted

    changed = {o.name: o.minimum for o in plain.options} | {"unknown": 3.0}
    (folder / CARD).write_text(card.model_copy(update={"defaults": changed}).model_dump_json())
    info = Studio(checkpoints).info(model)
    assert options_of(info, GenerateRequest(model=model)) == {
        o.name: o.minimum for o in info.options
    }
    assert [replace(o, default=0) for o in info.options] == [
        replace(o, default=0) for o in plain.options
    ]


@pytest.mark.parametrize(
    ("model", "option", "value"),
    [(FLOW, "guidance", 4.0), (FLOW, "evaluations", 2), (FLOW, "temperature", 0.6),
     (VAE, "temperature", 0.3), (DCGAN, "truncation", 0.4)],
)  # fmt: skip
def test_an_option_in_the_request_changes_the_picture(
    studio: Studio, model: str, option: str, value: float
) -> None:
    request = GenerateRequest(model=model, count=1, **{option: value})
    assert options_of(studio.info(model), request)[option] == value
    plain = studio.generate(GenerateRequest(model=model, count=1))
    assert pixels(studio.generate(request)) != pixels(plain)


def test_an_option_that_a_model_lacks_is_ignored(studio: Studio) -> None:
    one, other = (studio.generate(ask(DCGAN, guidance=g)) for g in (None, 4.0))
    assert pixels(one) == pixels(other)


# --- Words ---


FAULTS = [
    "",
    " ",
    "🐬",
    "דולפין",
    "\u202ediscs",
    "海豚" * 100,
    "discs" * 40,
    "'; DROP TABLE",
    "\n",
]


@pytest.mark.parametrize("prompt", FAULTS, ids=ascii)
def test_any_words_make_pictures(studio: Studio, prompt: str) -> None:
    result = studio.generate(ask(TEXT, prompt=prompt, count=2))
    assert [image.size for image in result.images] == [(32, 32)] * 2
    assert result.labels == [prompt] * 2
    assert pixels(studio.generate(ask(TEXT, prompt=prompt, seed=1))) == pixels(result)[1:]


def test_other_words_make_another_picture(studio: Studio) -> None:
    made = [pixels(studio.generate(ask(TEXT, prompt=p))) for p in (None, "discs", "squares")]
    assert made[0] != made[1] != made[2] != made[0]


def test_no_words_and_empty_words_are_the_same(studio: Studio) -> None:
    made = [pixels(studio.generate(ask(TEXT, prompt=p))) for p in (None, "", "  ")]
    assert made[0] == made[1] == made[2]


def test_case_and_spaces_make_no_difference(studio: Studio) -> None:
    made = [pixels(studio.generate(ask(TEXT, prompt=p))) for p in ("red discs", " Red\nDISCS ")]
    assert made[0] == made[1]


@pytest.mark.parametrize("field", ["prompt", "to_prompt"])
def test_a_model_that_cannot_read_refuses_words(studio: Studio, field: str) -> None:
    with pytest.raises(BadValue, match="^prompt: shapes-dcgan is not conditioned on text"):
        studio.morph(MorphRequest(model=DCGAN, **{field: "discs"}))
    with pytest.raises(BadValue, match="^prompt: plain-dcgan is not conditioned on text"):
        studio.generate(ask(PLAIN, prompt="discs"))


def test_a_model_that_reads_is_listed_with_what_it_can_be_asked(studio: Studio) -> None:
    info = studio.info(TEXT)
    assert (info.condition, info.labels) == ("text", ())
    assert set(info.examples) == set(factories.SHAPES)
    with pytest.raises(BadValue, match="^label: "):
        studio.generate(ask(TEXT, label="discs"))


def test_a_blend_of_prompts_keeps_its_seed(studio: Studio) -> None:
    """So what changes on the way is what the words say."""
    fields = {"prompt": "discs", "to_prompt": "squares", "seed": 4, "to_seed": 4}
    made = pixels(studio.morph(MorphRequest(model=TEXT, frames=5, evaluations=4, **fields)))
    assert len(set(made)) == 5


# --- Morphs ---


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("frames", [2, 3, BATCH, BATCH + 1, 20])
def test_a_morph_goes_from_one_picture_to_the_other(
    studio: Studio, model: str, frames: int
) -> None:
    start, end = (told(model, shape) for shape in factories.SHAPES)
    fields = {"seed": 4, "to_seed": 90} | start | told(model, factories.SHAPES[1], "to_")
    result = studio.morph(MorphRequest(model=model, frames=frames, evaluations=4, **fields))
    assert len(result.images) == len(result.seeds) == len(result.labels) == frames
    first = studio.generate(ask(model, seed=4, **start))
    last = studio.generate(ask(model, seed=90, **end))
    assert pixels(result)[:1] == pixels(first)
    assert pixels(result)[-1:] == pixels(last)


@pytest.mark.parametrize("model", MODELS)
def test_a_morph_to_itself_stands_still(studio: Studio, model: str) -> None:
    request = MorphRequest(model=model, seed=4, to_seed=4, frames=3, evaluations=4)
    assert len(set(pixels(studio.morph(request)))) == 1


def test_a_morph_of_an_unknown_label_is_refused(studio: Studio) -> None:
    for field in ("label", "to_label"):
        with pytest.raises(BadValue, match="^label: .*discs, squares"):
            studio.morph(MorphRequest(model=DCGAN, **{field: "cubes"}))


@pytest.mark.parametrize("nearness", [0, 0.5, 0.9, 0.999, 1])
def test_the_way_between_two_noises_keeps_their_length_and_ends(nearness: float) -> None:
    a, b = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    b = nearness * a + (1 - nearness**2) ** 0.5 * b
    way = slerp(a, b, torch.linspace(0, 1, 9))
    lengths = way.flatten(1).norm(dim=1)
    assert lengths.min() > 0.97 * min(a.norm(), b.norm())
    assert torch.equal(way[0], a) and torch.equal(way[-1], b)


# --- Models come and go ---


def test_the_number_of_loaded_models_does_not_grow(tmp_path: Path, trained: Path) -> None:
    names = [f"m{i}" for i in range(MAX_LOADED + 3)]
    for name in names:
        shutil.copytree(trained / DCGAN, tmp_path / name)
    studio = Studio(tmp_path, device="cpu")
    pictures = {name: pixels(studio.generate(ask(name))) for name in names}
    assert list(studio.cache.loaded) == names[-MAX_LOADED:]
    studio.generate(ask(names[-MAX_LOADED]))
    studio.generate(ask(names[0]))
    assert names[-MAX_LOADED] in studio.cache.loaded  # it was used more lately than the next one
    assert names[-MAX_LOADED + 1] not in studio.cache.loaded
    assert pixels(studio.generate(ask(names[0]))) == pictures[names[0]]


def test_a_replaced_checkpoint_is_picked_up(checkpoints: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    before = pixels(studio.generate(ask(DCGAN)))
    model = factories.model("dcgan", seed=9)
    checkpoint.save(checkpoints / DCGAN, model, factories.card(model, "dcgan", title="Anew"))
    assert studio.info(DCGAN).title == "Anew"
    after = studio.generate(ask(DCGAN))
    assert pixels(after) != before
    assert pixels(after) == pixels(Studio(checkpoints, device="cpu").generate(ask(DCGAN)))


def test_a_model_that_appears_or_goes_is_noticed(checkpoints: Path, trained: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    studio.generate(ask(DCGAN))
    shutil.rmtree(checkpoints / DCGAN)
    assert DCGAN not in [m.name for m in studio.models()]
    with pytest.raises(BadValue, match="^model: "):
        studio.generate(ask(DCGAN))
    shutil.copytree(trained / DCGAN, checkpoints / "new")
    assert studio.generate(ask("new")).images


def test_models_are_described_without_being_loaded(studio: Studio) -> None:
    found = {m.name: m for m in studio.models("generate")}
    assert set(found) == set(MODELS)
    assert studio.models("restore") == []
    assert not studio.cache.loaded
    info = found[VAE]
    assert (info.method, info.task, info.condition) == ("vae", "generate", "label")
    assert (info.data, info.labels, info.size, info.channels) == (
        "shapes",
        factories.SHAPES,
        32,
        3,
    )
    assert info.megabytes > 0 and info.card["steps"] == 3


def test_pictures_come_at_the_models_own_resolution(studio: Studio, tmp_path: Path) -> None:
    assert studio.generate(ask(VAE)).images[0].size == (32, 32)
    factories.save(tmp_path / "grey", "dcgan", channels=1)
    assert Studio(tmp_path, device="cpu").generate(ask("grey")).images[0].mode == "L"
