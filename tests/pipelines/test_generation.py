"""A request generates the same images alone and among others, in every studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo.errors import BadValue
from aigc_demo.nn.layers import slerp
from aigc_demo.pipelines.generation import BATCH, GenerateResult
from aigc_demo.requests import MAX_SEED, GenerateRequest, MorphRequest
from aigc_demo.studio import Studio
from tests import factories

FLOW, DCGAN, VAE, PLAIN = "shapes-flow", "shapes-dcgan", "shapes-vae", "plain-dcgan"
TEXT = "shapes-text2image"
MODELS = [f"shapes-{method}" for method in factories.GENERATE] + [PLAIN]
DISCS, SQUARES = factories.SHAPES


def ask(model: str, **fields: Any) -> GenerateRequest:
    return GenerateRequest(**{"model": model, "count": 1, "evaluations": 4} | fields)


def condition(model: str, value: str, prefix: str = "") -> dict[str, str]:
    """Return the field that conditions a model, where it is conditional."""
    if model == PLAIN:
        return {}
    return {f"{prefix}prompt" if model == TEXT else f"{prefix}label": value}


def pixels(result: GenerateResult) -> list[bytes]:
    return [image.tobytes() for image in result.images]


# --- The same request, the same image ---


@pytest.mark.parametrize("model", MODELS)
def test_an_image_is_the_same_alone_and_in_a_batch_of_any_size(studio: Studio, model: str) -> None:
    fields = condition(model, SQUARES)
    for count in (5, 2 * BATCH + 1):
        together = pixels(studio.generate(ask(model, seed=7, count=count, **fields)))
        assert len(set(together)) == count
        for i in {0, count // 2, count - 1}:
            alone = studio.generate(ask(model, seed=7 + i, **fields))
            assert pixels(alone) == together[i : i + 1]


def test_a_request_repeats_in_this_studio_and_in_another(studio: Studio, trained: Path) -> None:
    other = Studio(trained, device="cpu")
    for model in MODELS:
        request = ask(model, seed=3, count=5)
        first = pixels(studio.generate(request))
        torch.rand(1)
        assert pixels(studio.generate(request)) == pixels(other.generate(request)) == first


def test_steps_have_all_images_and_end_with_those_of_generate(studio: Studio) -> None:
    for model in MODELS:
        request = ask(model, seed=3, count=BATCH + 2)
        steps = list(studio.generate_steps(request))
        assert all(len(step.images) == BATCH + 2 for step in steps)
        assert len({image.size for step in steps for image in step.images}) == 1
        assert pixels(steps[-1]) == pixels(studio.generate(request))


def test_a_flow_shows_its_images_while_they_form(studio: Studio) -> None:
    steps = list(studio.generate_steps(ask(FLOW, evaluations=8)))
    assert len({pixels(step)[0] for step in steps}) == 4


def test_seeds_wrap_around_at_the_largest(studio: Studio) -> None:
    result = studio.generate(ask(DCGAN, label=DISCS, seed=MAX_SEED, count=2))
    assert result.seeds == [MAX_SEED, 0]
    assert pixels(result)[1:] == pixels(studio.generate(ask(DCGAN, label=DISCS, seed=0)))


def test_images_come_at_the_models_own_resolution_and_mode(studio: Studio, tmp_path: Path) -> None:
    assert studio.generate(ask(VAE)).images[0].size == (32, 32)
    factories.save(tmp_path / "grey", "dcgan", channels=1)
    assert Studio(tmp_path, device="cpu").generate(ask("grey")).images[0].mode == "L"


# --- Labels and options ---


def test_no_label_takes_every_class_in_turn(studio: Studio) -> None:
    for model in (FLOW, DCGAN, VAE):
        result = studio.generate(ask(model, count=5, seed=2))
        assert result.labels == [DISCS, SQUARES, DISCS, SQUARES, DISCS]
        for i, label in enumerate(result.labels):
            alone = studio.generate(ask(model, label=label, seed=2 + i))
            assert pixels(alone)[0] == pixels(result)[i]


def test_a_model_without_classes_has_no_labels(studio: Studio) -> None:
    assert studio.generate(ask(PLAIN, count=2)).labels == ["", ""]


def test_an_unknown_label_is_refused_with_the_choices(studio: Studio) -> None:
    for model, choices in ((DCGAN, "discs, squares"), (PLAIN, "unconditional"), (TEXT, "none")):
        for label in ("", "Discs", "x" * 200, "a\0b", "👗", "\u202esquares", "*"):
            with pytest.raises(BadValue, match=f"^label: .*{choices}") as caught:
                studio.generate(ask(model, label=label))
            assert len(str(caught.value)) < 300


def test_an_unknown_model_is_refused_with_the_choices(studio: Studio) -> None:
    choices = ", ".join(sorted(MODELS))
    for name in ("nothing", ".", "..", "../checkpoints", "/etc", "SHAPES-flow", "x" * 200):
        with pytest.raises(BadValue, match=f"^model: .*{choices}"):
            studio.generate(ask(name))


def test_an_option_in_the_request_changes_the_image(studio: Studio) -> None:
    for model, option, value in [
        (FLOW, "guidance", 4.0),
        (FLOW, "evaluations", 2),
        (FLOW, "temperature", 0.6),
        (VAE, "temperature", 0.3),
        (DCGAN, "truncation", 0.4),
        (TEXT, "guidance", 4.0),
    ]:
        request = GenerateRequest(model=model, count=1, prompt=DISCS if model == TEXT else None)
        changed = request.model_copy(update={option: value})
        assert pixels(studio.generate(changed)) != pixels(studio.generate(request)), option


def test_an_option_that_a_model_lacks_is_ignored(studio: Studio) -> None:
    one, other = (studio.generate(ask(DCGAN, guidance=g)) for g in (None, 4.0))
    assert pixels(one) == pixels(other)


# --- Prompts ---


def test_any_words_are_a_prompt(studio: Studio) -> None:
    words = [
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
    for prompt in words:
        result = studio.generate(ask(TEXT, prompt=prompt, count=2))
        assert [image.size for image in result.images] == [(32, 32)] * 2
        assert result.labels == [prompt] * 2
        assert pixels(studio.generate(ask(TEXT, prompt=prompt, seed=1))) == pixels(result)[1:]


def test_another_prompt_makes_another_image_and_an_empty_one_is_none(studio: Studio) -> None:
    none, empty, blank, discs, squares = (
        pixels(studio.generate(ask(TEXT, prompt=p))) for p in (None, "", "  ", DISCS, SQUARES)
    )
    assert none == empty == blank
    assert none != discs != squares != none


def test_case_and_spaces_of_a_prompt_make_no_difference(studio: Studio) -> None:
    made = [pixels(studio.generate(ask(TEXT, prompt=p))) for p in ("red discs", " Red\nDISCS ")]
    assert made[0] == made[1]


def test_a_model_that_is_not_conditioned_on_text_refuses_a_prompt(studio: Studio) -> None:
    for field in ("prompt", "to_prompt"):
        with pytest.raises(BadValue, match="^prompt: shapes-dcgan is not conditioned on text"):
            studio.morph(MorphRequest(model=DCGAN, **{field: "discs"}))
    with pytest.raises(BadValue, match="^prompt: plain-dcgan is not conditioned on text"):
        studio.generate(ask(PLAIN, prompt="discs"))


# --- Morphs ---


@pytest.mark.parametrize(
    ("model", "frames"),
    [(FLOW, 2), (DCGAN, 3), (VAE, BATCH), (TEXT, BATCH + 1), (PLAIN, 20)],
)
def test_a_morph_goes_from_one_image_to_the_other(studio: Studio, model: str, frames: int) -> None:
    start, end = (condition(model, shape) for shape in factories.SHAPES)
    fields = {"seed": 4, "to_seed": 90} | start | condition(model, SQUARES, "to_")
    result = studio.morph(MorphRequest(model=model, frames=frames, evaluations=4, **fields))
    assert len(result.images) == len(result.seeds) == len(result.labels) == frames
    assert len(set(pixels(result))) == frames
    assert pixels(result)[:1] == pixels(studio.generate(ask(model, seed=4, **start)))
    assert pixels(result)[-1:] == pixels(studio.generate(ask(model, seed=90, **end)))


def test_a_morph_to_itself_stands_still(studio: Studio) -> None:
    for model in MODELS:
        request = MorphRequest(model=model, seed=4, to_seed=4, frames=3, evaluations=4)
        assert len(set(pixels(studio.morph(request)))) == 1


def test_a_morph_between_prompts_of_one_seed_changes_with_the_prompt_alone(
    studio: Studio,
) -> None:
    fields = {"prompt": DISCS, "to_prompt": SQUARES, "seed": 4, "to_seed": 4}
    made = pixels(studio.morph(MorphRequest(model=TEXT, frames=5, evaluations=4, **fields)))
    assert len(set(made)) == 5


def test_a_morph_names_both_ends_where_they_differ(studio: Studio) -> None:
    def label(**fields: Any) -> str:
        return studio.morph(MorphRequest(frames=2, evaluations=2, **fields)).labels[0]

    assert label(model=VAE, label=DISCS, to_label=SQUARES) == "discs → squares"
    assert label(model=VAE, label=DISCS) == "discs"
    assert label(model=TEXT, prompt="red", to_prompt="blue") == "red → blue"
    assert label(model=PLAIN) == ""


def test_a_morph_of_an_unknown_label_is_refused(studio: Studio) -> None:
    for field in ("label", "to_label"):
        with pytest.raises(BadValue, match="^label: .*discs, squares"):
            studio.morph(MorphRequest(model=DCGAN, **{field: "cubes"}))


def test_spherical_interpolation_keeps_lengths_and_ends() -> None:
    for similarity in (0, 0.5, 0.9, 0.999, 1):
        a, b = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        b = similarity * a + (1 - similarity**2) ** 0.5 * b
        path = slerp(a, b, torch.linspace(0, 1, 9))
        lengths = path.flatten(1).norm(dim=1)
        assert lengths.min() > 0.97 * min(a.norm(), b.norm())
        assert torch.equal(path[0], a) and torch.equal(path[-1], b)
