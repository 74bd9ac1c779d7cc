"""A small residual classifier of real pictures, the judge of generated ones.

It is trained once a data set and kept in `CACHE`. Its convolutions run at 16², 8² and 4², where
minutes of one CPU core go far. It is taught by crops, mirrors (photographs) and one cycle of the
learning rate (Smith and Topin, "Super-Convergence", 2018, https://arxiv.org/abs/1708.07120), and
examined on the real test set. It does not know that generated pictures exist.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from tqdm import trange

from aigc_demo import checkpoint, data, device as devices, images

CACHE = Path(".cache/classifiers")
IMAGES_SEEN, MORE = 120_000, {"cifar10": 200_000}  # in training; the harder set needs more


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights; a kept classifier of another recipe is trained anew."""

    data: str
    size: int
    channels: int
    classes: int
    flip: bool
    images_seen: int
    widths: tuple[int, int, int] = (48, 128, 256)
    batch: int = 128
    lr: float = 0.1
    weight_decay: float = 5e-4
    crop: int = 3  # pixels, each way, at most
    seed: int = 0


class Residual(nn.Module):
    """x + f(x), with f two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(convolution(width, width), convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class Classifier(nn.Module):
    """Turns uint8 pictures (B, C, H, W) into features (B, F), and those into logits (B, K)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        fold = max(1, recipe.size // 16)
        narrow, middle, wide = recipe.widths
        self.body = nn.Sequential(
            nn.PixelUnshuffle(fold),  # (B, C, H, W) -> (B, C fold², 16, 16)
            convolution(recipe.channels * fold**2, narrow),
            nn.MaxPool2d(2),
            convolution(narrow, middle),
            Residual(middle),
            nn.MaxPool2d(2),
            convolution(middle, wide),
            Residual(wide),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),  # (B, F)
        )
        self.head = nn.Linear(wide, recipe.classes)

    def features(self, pixels: Tensor) -> Tensor:
        x = images.from_pixels(pixels).contiguous(memory_format=torch.channels_last)
        return self.body(x)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.features(pixels))


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def judge(test: data.Dataset, root: str | Path | None = None) -> tuple[Classifier, float]:
    """Return the classifier of a registered set and its accuracy on `test`, its real test split.

    It is trained on the train split at the size of `test`, unless one of the same recipe is kept.
    """
    _, channels, size, _ = test.images.shape
    seen = MORE.get(test.name, IMAGES_SEEN)
    recipe = Recipe(test.name, size, channels, len(test.classes), test.flip, seen)
    written = {name: str(value) for name, value in asdict(recipe).items()}
    path = CACHE / f"{test.name}_{size}px.safetensors"
    if path.is_file():
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            if written.items() <= metadata.items():
                classifier = Classifier(recipe)
                classifier.load_state_dict({k: file.get_tensor(k) for k in file.keys()})  # noqa: SIM118
                return _ready(classifier), float(metadata["accuracy"])
    train = data.load(test.name, "train", root=root, size=size)
    classifier = _ready(learn(recipe, train))
    accuracy = (look(classifier, test.images)[1] == test.labels).double().mean().item()
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: w.contiguous() for name, w in classifier.state_dict().items()}
    checkpoint.write_tensors(path, weights, written | {"accuracy": str(accuracy)})
    return classifier, accuracy


def learn(recipe: Recipe, train: data.Dataset) -> Classifier:
    """Train a classifier; the progress is shown."""
    torch.manual_seed(recipe.seed)
    device = devices.default_device()
    classifier = Classifier(recipe).to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        classifier.parameters(),
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
    )
    steps = recipe.images_seen // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=steps)
    epochs = recipe.images_seen // len(train) + 1
    order = torch.cat([torch.randperm(len(train)) for _ in range(epochs)])
    padded = pad(train.images, [recipe.crop] * 4)
    for step in trange(steps, desc=f"classifier of {train.name}", mininterval=5):
        chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
        pixels = crops(padded[chosen], recipe).to(device)
        with devices.autocast(device):
            logits = classifier(pixels)
        loss = cross_entropy(logits.float(), train.labels[chosen].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return classifier


def crops(padded: Tensor, recipe: Recipe) -> Tensor:
    """Cut a random window out of each padded picture; mirror half of them if `recipe.flip`.

    (B, C, size + 2 crop, size + 2 crop) -> (B, C, size, size)
    """
    batch, side = len(padded), torch.arange(recipe.size)
    top, left = torch.randint(2 * recipe.crop + 1, (2, batch, 1))
    rows, columns = top + side, left + side  # (B, H), (B, W)
    if recipe.flip:
        columns = torch.where(torch.rand(batch, 1) < 0.5, columns.flip(1), columns)
    picture = torch.arange(batch)[:, None, None]
    cut = padded[picture, :, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return cut.permute(0, 3, 1, 2)


@torch.no_grad()
def look(classifier: Classifier, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the features (N, F) of uint8 pictures (N, C, H, W) and the classes (N,) seen."""
    device = devices.default_device()
    with devices.autocast(device):
        features = torch.cat([classifier.features(x.to(device)) for x in pixels.split(500)])
        logits = classifier.head(features)
    return features.float().cpu(), logits.argmax(1).cpu()


def _ready(classifier: Classifier) -> Classifier:
    classifier.to(devices.default_device(), memory_format=torch.channels_last)
    return classifier.eval().requires_grad_(False)
