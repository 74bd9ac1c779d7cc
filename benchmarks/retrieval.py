"""``python -m benchmarks.retrieval``: does a model that reads put together what it learnt apart?

Of the emoji, 200 pairs of thing and style are never learnt from. Each is asked for in words, as
are as many pairs that were learnt, and the question is whether what was painted is nearer to the
true picture than to those of all other things in that style. "Near" is what a small network of
our own sees, the *judge*: it learns from all real pictures, and from no painted one, that two
styles of a thing are the same thing and two things are not, however coarse the picture is.
Shuffled captions are the floor: what was painted for the unseen pairs, compared with the truth of
another thing in that style.

``--model FOLDER`` measures another checkpoint, ``--sheet FILE`` writes 64 of the unseen pairs, the
truth above what was painted; ``--no-write`` only prints.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_demo import data
from aigc_demo.data import Captioned
from aigc_demo.imaging import images
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Generative, Model
from aigc_demo.metrics.image_quality import psnr
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.nn import byte_tokenizer
from aigc_demo.nn.layers import translate
from benchmarks.report import table, write_metrics, write_section

COMMAND = "python -m benchmarks.retrieval"
MODEL = Path("checkpoints/emoji-text2image")
DATA = "emoji_captions"
STEPS, BATCH = 600, 128  # of the judge's training, pairs a step
WARMTH = 0.07  # temperature of its comparisons
BEST = (1, 5)


@dataclass(frozen=True)
class Asked:
    """Prompts, the true pictures, uint8 (N, 3, H, W), and where they stand among all."""

    prompts: list[str]
    truth: Tensor
    places: Tensor


def main() -> int:
    """Train the judge, paint, measure, print and write the section and the card."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", type=Path, default=MODEL)
    p.add_argument("--judge", type=Path, help="file that keeps the judge between runs")
    p.add_argument("--steps", type=int, default=STEPS, help="of the judge's training")
    p.add_argument("--sheet", type=Path)
    p.add_argument("--no-write", action="store_true")
    given = p.parse_args()
    if not given.model.is_dir():
        print(f"{given.model} is not there; train it first.")
        return 0
    train, test = (data.load(DATA, split) for split in ("train", "test"))
    assert isinstance(train, Captioned) and isinstance(test, Captioned)
    every = joined(train, test)
    judge = judge_of(every, given.steps, given.judge)
    markdown, found = measure(given.model, judge, every, len(test), given.sheet)
    print(markdown, flush=True)
    if not given.no_write:
        write_section("Words to pictures", COMMAND, markdown)
        write_metrics(given.model, found)
    return 0


def joined(train: Captioned, test: Captioned) -> Captioned:
    """Return all pictures, those that are held out last."""
    return Captioned(
        **{f: getattr(train, f) for f in ("name", "title", "classes", "licence")},
        images=torch.cat([train.images, test.images]),
        labels=torch.cat([train.labels, test.labels]),
        subjects=train.subjects + test.subjects,
    )


# --- The judge -----------------------------------------------------------------------------------


def judge_of(every: Captioned, steps: int, kept: Path | None) -> Model:
    """Return a network whose features are near for pictures of the same thing, in any style."""
    torch.manual_seed(0)
    config = {
        "size": every.images.shape[-1], "classes": 2, "fold": 4, "widths": [48, 96, 160],
        "features": 128,
    }  # fmt: skip
    model = METHODS["classifier"].build(config).to(memory_format=torch.channels_last)
    if kept and kept.is_file():
        model.load_state_dict(torch.load(kept, weights_only=True))
        return model.eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(model.body.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    things = by_name(every)
    g = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = [things[i] for i in torch.randperm(len(things), generator=g)[:BATCH].tolist()]
        two = [[t[i] for i in torch.randperm(len(t), generator=g)[:2].tolist()] for t in chosen]
        ends = [every.images[[pair[k] for pair in two]] for k in (0, 1)]
        a, b = (see(model, coarsened(images.from_pixels(x), g)) for x in ends)
        likeness = a @ b.T / WARMTH
        target = torch.arange(len(a))
        loss = F.cross_entropy(likeness, target) + F.cross_entropy(likeness.T, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if kept:
        torch.save(model.state_dict(), kept)
    return model.eval().requires_grad_(False)


def by_name(every: Captioned) -> list[list[int]]:
    """Return the pictures of each thing of which there are two at least."""
    found: dict[str, list[int]] = {}
    for i, subject in enumerate(every.subjects):
        found.setdefault(subject.name, []).append(i)
    return [pictures for pictures in found.values() if len(pictures) > 1]


def coarsened(x: Tensor, g: torch.Generator) -> Tensor:
    """Return pictures shifted, each batch at a size between a quarter and the whole."""
    x = -translate(-x, g, 0.06)  # what comes in from outside is white
    side = int(torch.randint(x.shape[-1] // 4, x.shape[-1] + 1, (), generator=g))
    small = F.interpolate(x, size=side, mode="area")
    return F.interpolate(small, size=x.shape[-1], mode="bilinear", align_corners=False)


def see(judge: Model, x: Tensor) -> Tensor:
    """Return features (N, F) of length 1 of pictures in [-1, 1]."""
    return F.normalize(judge.features(x), dim=1)


@torch.no_grad()
def seen(judge: Model, pixels: Tensor) -> Tensor:
    """Return the features of uint8 pictures (N, 3, H, W)."""
    return torch.cat([see(judge, images.from_pixels(x)) for x in pixels.split(200)])


# --- The question --------------------------------------------------------------------------------


def measure(
    folder: Path, judge: Model, every: Captioned, held: int, sheet: Path | None
) -> tuple[str, dict[str, float]]:
    """Return the table and the metrics for the card; the last `held` pictures are unseen."""
    model, card = checkpoint.load(folder)
    n = len(every)
    g = torch.Generator().manual_seed(0)
    unseen = asked(every, torch.arange(n - held, n))
    known = asked(every, torch.randperm(n - held, generator=g)[:held])
    looks = seen(judge, every.images)
    rows, found = [], {}
    painted = {"unseen": paint(model, card, unseen), "seen": paint(model, card, known)}
    painted["shuffled"] = dealt(painted["unseen"], every.labels[unseen.places])
    for name, pixels in painted.items():
        wanted = known if name == "seen" else unseen
        ranks = rank(seen(judge, pixels), looks, wanted.places, every.labels)
        shares = [float((ranks < k).float().mean()) for k in BEST]
        near = float(torch.tensor(psnrs(pixels, wanted.truth)).mean())
        rows.append([name, len(pixels), *(f"{s:.1%}" for s in shares), f"{near:.1f}"])
        found |= {f"top{k}_{name}_{len(pixels)}": s for k, s in zip(BEST, shares, strict=True)}
        found[f"psnr_{name}_{len(pixels)}"] = near
    other, wanted = in_another_style(every, unseen)
    ranks = rank(looks[other], looks, wanted, every.labels)
    shares = [f"{float((ranks < k).float().mean()):.1%}" for k in BEST]
    rows.append(["a real picture of it in another style", len(other), *shares, "—"])
    if sheet:
        lines = []
        for first in range(0, min(64, held), 8):
            for pixels in (unseen.truth, painted["unseen"]):
                lines += images.to_pil(pixels[first : first + 8])
        images.grid(lines, 8).save(sheet)
    sizes = torch.bincount(every.labels).tolist()
    columns = ["captions", "N", *(f"top-{k}" for k in BEST), "PSNR to the truth, dB"]
    options = ", ".join(f"{k} {v:g}" for k, v in options_of(model, card).items())
    return (
        f"Is the true picture among the nearest of all {min(sizes)} to {max(sizes)} of its style? "
        f"`{folder.name}`, {options}, one picture a prompt (“name, style style”), of seed 0, 1, "
        "…; by chance, one in the first five is 0.3 %.\n\n" + table(columns, rows)
    ), found


def asked(every: Captioned, places: Tensor) -> Asked:
    """Return the prompts of the pictures at `places`."""
    subjects = [every.subjects[i] for i in places.tolist()]
    prompts = [f"{s.name}, {s.style} style" for s in subjects]
    return Asked(prompts, every.images[places], places)


def options_of(model: Generative, card: checkpoint.Card) -> dict[str, float]:
    """Return the options with which people get pictures."""
    return {o.name: card.defaults.get(o.name, o.default) for o in model.options}


def paint(model: Generative, card: checkpoint.Card, wanted: Asked) -> Tensor:
    """Return what the model paints, uint8, a picture a prompt."""
    pixels, _ = sample_images(
        model,
        len(wanted.prompts),
        captions=byte_tokenizer.encode(wanted.prompts),
        batch=40,
        **options_of(model, card),
    )
    return pixels


def dealt(pixels: Tensor, styles: Tensor) -> Tensor:
    """Return pictures in another order: each gets that of another thing in its style."""
    order = torch.arange(len(pixels))
    for style in styles.unique():
        mine = (styles == style).nonzero().flatten()
        order[mine] = mine.roll(1)
    return pixels[order]


def rank(painted: Tensor, looks: Tensor, places: Tensor, styles: Tensor) -> Tensor:
    """Return how many pictures of the style are nearer than the true one (N,)."""
    likeness = painted @ looks.T  # (N, all)
    right = likeness.gather(1, places[:, None])
    same = styles[None] == styles[places][:, None]
    return ((likeness > right) & same).sum(1)


def in_another_style(every: Captioned, wanted: Asked) -> tuple[Tensor, Tensor]:
    """Return the place of a real picture of each wanted thing in another style, and of the thing
    in the style that was wanted: what the judge itself can do.
    """
    of: dict[str, list[int]] = {}
    for i, subject in enumerate(every.subjects):
        of.setdefault(subject.name, []).append(i)
    others = [
        next(i for i in of[every.subjects[place].name] if i != place)
        for place in wanted.places.tolist()
    ]
    return torch.tensor(others), wanted.places


def psnrs(pixels: Tensor, truth: Tensor) -> list[float]:
    """Return the PSNR of each picture to its truth, dB."""
    a, b = (x.permute(0, 2, 3, 1).numpy() / 255.0 for x in (pixels, truth))
    return [psnr(x, y) for x, y in zip(a, b, strict=True)]


if __name__ == "__main__":
    main()
