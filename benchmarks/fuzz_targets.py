"""What `benchmarks.fuzz` tries: a small function for each reader of bytes or text of strangers.

A target makes an input from a random generator, which alone decides it, and reads it, in an empty
folder. Bytes are good files, made here, with a few bytes changed; text and values are drawn with
Hypothesis, and put in the place of good ones.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import os
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import hypothesis
import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from aigc_demo import augment, data, requests
from aigc_demo.data import caption_files, caption_tables, model_samples
from aigc_demo.data.class_names import class_names, safe
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.errors import BadData, UserError
from aigc_demo.imaging import formats, images, masks
from aigc_demo.imaging.output_names import output_names
from aigc_demo.methods import METHODS, checkpoint, tensor_cache
from aigc_demo.nn import byte_tokenizer
from aigc_demo.pipelines import augmentation, model_info
from aigc_demo.training import run_control, runs, session

Chance = random.Random
MAX_PIXELS = 4_000_000  # of a picture: larger ones cost what their size costs
LARGEST = {  # numbers that formats mistake for sizes and places
    1: (0, 1, 0x7F, 0x80, 0xFF),
    2: (0, 1, 0x7FFF, 0x8000, 0xFFFF),
    4: (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF),
}
WORST = (  # texts
    *("", "\0", "..", "../x", "/etc/passwd", "C:\\x", "-" * 300, "\ud800", "\u202e", "😀" * 200),
    *(
        " " * 24_000,
        "a" * 100_000,
        "\ufdfa" * 20_000,
        "a/" * 5_000,
        "e\u0301" * 5_000,
        "9" * 5_000,
    ),
    *("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, "1e999", "NaN", "١٢"),
)
TEXT = st.one_of(
    st.text(max_size=60), st.text(st.characters(), max_size=20), st.sampled_from(WORST)
)
NUMBER = st.one_of(
    st.integers(-3, 300),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31, 2**53, 2**64, 10**400, -(10**400), 1e308, -0.0, 1e-320]),
)
LEAF = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
VALUE = st.recursive(
    LEAF, lambda x: st.one_of(st.lists(x, max_size=4), st.dictionaries(TEXT, x, max_size=4))
)


@dataclass(frozen=True)
class Target:
    """What makes an input, and what reads it in an empty folder."""

    make: Callable[[Chance], Any]
    read: Callable[[Path, Any], None]


# --- Inputs --------------------------------------------------------------------------------------


def drawn(strategy: st.SearchStrategy[Any]) -> Callable[[Chance], Any]:
    """Return what draws a value of a strategy."""
    found: list[Any] = []

    @hypothesis.settings(
        database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    def make(chance: Chance) -> Any:
        found.clear()
        while not found:
            draw.hypothesis.fuzz_one_input(chance.randbytes(2000))
        return found[0]

    return make


any_value, any_text, some_texts = map(drawn, (VALUE, TEXT, st.lists(TEXT, max_size=30)))


def mutated(chance: Chance, good: list[bytes]) -> bytes:
    """Return one of the good files with a few of its bytes changed, put in, left out or moved."""
    content = bytearray(chance.choice(good))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(content) + 1)
        end = at + chance.choice((1, 1, 2, 4, 16, 256))
        width = chance.choice((1, 2, 4))
        number = chance.choice(LARGEST[width]).to_bytes(width, chance.choice(("big", "little")))
        other = chance.choice(good)
        place = chance.randrange(len(other) + 1)
        content[at:end] = chance.choice(
            (
                chance.randbytes(min(end, len(content)) - at),
                number if end - at >= width else bytes(end - at),
                content[at:end] * 2,
                b"",
                other[place : place + end - at],
            )
        )
    return bytes(
        content[: chance.randrange(len(content) + 1)] if chance.random() < 0.1 else content
    )


def changed(chance: Chance, good: Any) -> Any:
    """Return a copy of a tree of dicts and lists with hostile values in some places."""
    tree = copy.deepcopy(good)
    for _ in range(chance.choice((1, 1, 2, 5))):
        node, places = tree, list(_keys(tree))
        while places:
            key = chance.choice(places)
            inner = list(_keys(node[key]))
            if not inner or chance.random() < 0.2:
                alike = type(node[key]) in (int, float) and abs(node[key]) < 1e9
                if alike and chance.random() < 0.7:
                    node[key] = type(node[key])(node[key] * chance.random() * 2)
                else:
                    node[key] = any_value(chance)
                break
            node, places = node[key], inner
    if isinstance(tree, dict) and chance.random() < 0.1:
        tree[any_text(chance)] = any_value(chance)
    return tree


def _keys(node: Any) -> Any:
    return range(len(node)) if isinstance(node, list) else node if isinstance(node, dict) else ()


def as_json(chance: Chance, good: Any) -> str:
    """Return JSON of a changed tree; sometimes its text is changed, too."""
    text = json.dumps(changed(chance, good))
    if chance.random() < 0.2:
        return mutated(chance, [text.encode()]).decode(errors="replace")
    return text


# --- Pictures ------------------------------------------------------------------------------------


@functools.cache
def good_pictures() -> list[bytes]:
    """Return small pictures of all formats and modes that are read."""
    red = np.add.outer(np.arange(24) * 7, np.arange(32) * 3).astype(np.uint8)
    rgba = np.stack(
        [red, red.T.repeat(2, 0)[:24, :24].repeat(2, 1)[:, :32], red // 2, red], axis=2
    )
    colour = Image.fromarray(rgba[..., :3])
    clear, deep = Image.fromarray(rgba), images.deep.DeepImage(rgba.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    profile = images.profiles.ImageCms.ImageCmsProfile(
        images.profiles.ImageCms.createProfile("sRGB")
    ).tobytes()
    formats._register_heif()
    wanted: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((colour.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        (Image.fromarray(red.astype(np.uint16) * 200), "PNG", {"transparency": 200}),
        (deep, "PNG", {"icc_profile": profile}),
        *((colour.convert(mode), "JPEG", {"exif": exif}) for mode in ("L", "RGB", "CMYK")),
        (colour, "JPEG", {"progressive": True, "icc_profile": profile}),
        *((clear, "WEBP", {"lossless": lossless}) for lossless in (False, True)),
        (clear, "WEBP", {"save_all": True, "append_images": [colour]}),
        (colour, "GIF", {"save_all": True, "append_images": [colour.rotate(90)]}),
        *((colour.convert(mode), "BMP", {}) for mode in ("1", "P", "RGB")),
        *(
            (clear, "TIFF", {"compression": how})
            for how in (None, "tiff_lzw", "tiff_adobe_deflate")
        ),
        (colour.convert("CMYK"), "TIFF", {"compression": "packbits"}),
        (colour.convert("1"), "TIFF", {"compression": "group4"}),
        (colour, "AVIF", {}),
        (colour, "HEIF", {}),
    ]
    found = [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"GIF89a"]
    for image, kind, options in wanted:
        out = io.BytesIO()
        with contextlib.suppress(KeyError, OSError):  # what this Pillow cannot write
            image.save(out, kind, **options)
            found.append(out.getvalue())
    return found


def some_picture(chance: Chance) -> bytes:
    """Return a picture that is damaged; of a PNG the checksums fit, so that it is looked into."""
    content = mutated(chance, good_pictures())
    return with_checksums(content) if chance.random() < 0.7 else content


def with_checksums(content: bytes) -> bytes:
    """Return a PNG whose chunks have the right checksums, any other file as it is."""
    if not content.startswith(formats.PNG):
        return content
    at, parts = len(formats.PNG), [formats.PNG]
    while at + 12 <= len(content):
        end = at + 8 + struct.unpack_from(">I", content, at)[0]
        body = content[at + 4 : end]
        parts += [content[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at = end + 4
    return b"".join(parts)


def read_picture(folder: Path, content: bytes) -> None:
    """Open a picture from a file and from bytes, and make of it what others are made of."""
    path = folder / "picture.png"
    path.write_bytes(content)
    images.size_of(path)
    image = images.open_image(path, max_pixels=MAX_PIXELS)
    images.open_image(content, max_pixels=MAX_PIXELS, draft=16)
    images.flatten(image, "RGB", 255)
    images.encode_png(images.shown(image))


def read_mask(folder: Path, content: bytes) -> None:
    """Read a mask, grow it and let its edge fade."""
    image = images.open_image(content, max_pixels=MAX_PIXELS)
    marked = masks.from_file(image, "auto", image.size)
    masks.note(masks.feather(masks.grow(marked, 3), 3))


def some_settings(chance: Chance) -> bytes:
    """Return a PNG whose settings are changed JSON, in any chunk of text."""
    good = {"model": "mnist-vae", "seed": 7, "label": "3", "count": 4, "guidance": 2.0}
    text = as_json(chance, good).encode(errors="replace")
    kind, info = chance.randrange(4), PngImagePlugin.PngInfo()
    key = images.SETTINGS_KEY.encode() + b"\0"
    if kind == 0:
        info.add(b"tEXt", key + text)
    elif kind == 1:
        info.add(b"zTXt", key + b"\0" + zlib.compress(text * chance.choice((1, 10, 50))))
    elif kind == 2:
        info.add(b"iTXt", key + chance.choice((b"\0\0\0\0", b"\1\0\0\0", b"\1")) + text)
    else:
        info.add(b"tEXt", b"Comment\0" + b"x" * 2_000_000)
        info.add(b"tEXt", key + text)
    out = io.BytesIO()
    Image.new("L", (16, 16)).save(out, "PNG", pnginfo=info)
    content = out.getvalue()
    return with_checksums(mutated(chance, [content])) if chance.random() < 0.3 else content


def read_settings(folder: Path, content: bytes) -> None:
    """Make a request of the settings in a PNG."""
    requests.GenerateRequest(**images.read_settings(content))


# --- Archives and folders ------------------------------------------------------------------------

FILES = [*(f"{i}.png" for i in range(12)), "0.txt", "b.jpg", "c.zip", ".d.png", "x.heic"]
FILES += ["captions.csv", "metadata.jsonl"]
TABLES = [
    b'file,caption\na/0.png,a red fox\nb/1.png,"two, ""quoted"""\n',
    b"sep=;\nFile;Caption\n0.png;snow\n1.png;ice\n",
    b'{"file_name": "0.png", "text": "a red fox"}\n{"file_name": "1.png", "text": "snow"}\n',
    "file\tcaption\n0.png\tein Wörtchen\n".encode("utf-16"),
    b"code,name,group\n1f600,grinning face,smileys\n",
]
CODINGS = ("utf-8", "cp437", "gbk", "cp932", "cp949", "cp1251", "latin-1")


@functools.cache
def small_png() -> bytes:
    """Return a picture that can be used."""
    return images.encode_png(Image.new("RGB", (16, 16), "red"))


def some_content(chance: Chance, name: str) -> bytes:
    """Return what might be in a file of that name."""
    good = chance.random() < 0.7
    if name.lower().endswith((".csv", ".jsonl", ".txt")):
        return TABLES[2 if name.endswith("l") else 0] if good else some_table(chance)
    return small_png() if good else some_picture(chance)


def some_files(chance: Chance) -> list[tuple[str, bytes]]:
    """Return files of a data set, with hostile names among them."""
    folders = [*"ab", "train", "test", "trainA", "trainB", *some_texts(chance)]
    found = []
    for _ in range(chance.choice((2, 6, 30))):
        name = chance.choice(FILES) if chance.random() < 0.8 else any_text(chance)
        parts = [*chance.choices(folders, k=chance.choice((0, 1, 1, 2))), name]
        found.append(("/".join(parts), some_content(chance, name)))
    return found


def many_files(chance: Chance) -> list[tuple[str, bytes]]:
    """Return as many files as a visitor may bring, most of them alike, of which none is read."""
    name, count = chance.choice(("\x01", "é", "图片", "a", any_text(chance))), 3000
    ending = chance.choice((".png", ".txt", ".png/x.png"))
    return [(f"{name * (i % 7)}{name}{ending}", b"") for i in range(count)]


def some_zip(chance: Chance) -> bytes:
    """Return a zip of hostile files, perhaps damaged, with names in any coding."""
    files = some_files(chance) if chance.random() < 0.98 else many_files(chance)
    coding, out = chance.choice(CODINGS), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files:
            # What is not ASCII stands in the directory without saying in which coding.
            raw = name.encode(coding, "replace")[:60_000].decode("cp437")
            info = zipfile.ZipInfo("x")
            info.filename = raw if raw.isascii() else name.encode("utf-8", "replace").decode()
            info.filename = info.filename[:20_000]
            info.compress_type = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            info.external_attr = chance.choice((0, 0, 0, 0o120777 << 16, 0x10))
            archive.writestr(info, content)
            if raw != info.filename:
                info.flag_bits &= ~0x800
    content = out.getvalue()
    return mutated(chance, [content]) if chance.random() < 0.4 else content


def read_zip(folder: Path, content: bytes) -> None:
    """Validate a zip as a visitor's pictures."""
    path = folder / "pictures.zip"
    path.write_bytes(content)
    "\n".join(validation.validate([path], size=16).report.lines())


def read_folder(folder: Path, files: list[tuple[str, bytes]]) -> None:
    """Validate a folder of files, save what it holds and load it again."""
    place = folder / "pictures"
    for name, content in files:
        path = place / os.path.normpath("/" + name.replace("\0", "")).lstrip("/")
        with contextlib.suppress(OSError, ValueError):  # what no folder can hold
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    own = validation.validate([place], size=16)
    own.save(folder)
    user_dataset.load(folder / user_dataset.IMAGES_FILE, "pictures", captioned=True)


def some_table(chance: Chance) -> bytes:
    """Return a table of captions that is damaged, or has hostile texts, or very many."""
    if chance.random() < 0.01:
        return b"file,caption\n" + b"0,b\n" * chance.choice((50_000, 1_000_000))
    if chance.random() < 0.5:
        return mutated(chance, TABLES)
    rows = [["file", "caption"], *([any_text(chance)] * 2 for _ in range(chance.choice((1, 40))))]
    delimiter = chance.choice((",", ";", "\t", '"', " "))
    return "\n".join(map(delimiter.join, rows)).encode("utf-8", "replace")


def read_captions(folder: Path, content: bytes) -> None:
    """Read a table of captions, and find the pictures that it names."""
    paths = ["a/0.png", "b/1.png", "0.png", "b/v1.5", "/".join("abc" * 20)]
    caption_tables.text_of(content)
    name = "metadata.jsonl" if content.startswith(b"{") else "captions.csv"
    with contextlib.suppress(BadData):
        caption_tables.read(content, name, of="a set", strict=False)
    if table := caption_tables.read(content, name, of="a set"):
        caption_files.match(paths, [("", table), ("a/", table)])


def read_names(folder: Path, names: list[str]) -> None:
    """Name classes and files after hostile names, each differently."""
    found = class_names(names)
    assert len(set(found.values())) == len({normalize("NFC", name) for name in names})
    assert all(len(safe(name, 60)) <= 61 and "\n" not in safe(name, 60) for name in names)
    written = output_names(names)
    assert len(set(written)) == len(names)
    assert all("/" not in name and len(name.encode()) < 250 for name in written)


# --- Requests, pipelines, plans ------------------------------------------------------------------

STEPS = [
    {"name": name, "p": 0.5, **transform.defaults()}
    for name, transform in augment.AUGMENTS.items()
]


def some_pipeline(chance: Chance) -> str:
    """Return changed JSON of a few steps of augmentation."""
    return as_json(chance, chance.sample(STEPS, chance.choice((1, 1, 3))))


def read_pipeline(folder: Path, text: str) -> None:
    """Parse a pipeline, and apply it to a small picture."""
    steps = augment.parse(text)
    augment.parse(json.dumps(augment.data(steps)))
    photo = Image.new("RGB", (24, 16), "red")
    partner = photo if any(step.mixes for step in steps) else None
    augmentation.run(
        requests.AugmentRequest(image=photo, pipeline=augment.data(steps), n=1, partner=partner)
    )


GOOD: dict[str, dict[str, Any]] = {
    "TrainPlan": {
        "method": "dcgan", "data": "mnist", "config": {"width": 16, "diffaugment": ["colour"]},
        "steps": 100, "seconds": 60.0, "batch": 32, "augment": STEPS[:2], "limit": 500, "lr": 1e-3,
        "warmup": 10, "ema": 0.1, "seed": 1, "title": "a run", "init": "checkpoints/mnist-vae",
        "save_every": 5, "score_count": 100
    },
    "GenerateRequest": {"model": "m", "label": "3", "seed": 1, "count": 4, "truncation": 0.7},
    "MorphRequest": {"model": "m", "seed": 1, "to_seed": 2, "to_prompt": "snow", "frames": 8},
    "GridRequest": {
        "model": "m", "x": "seed", "x_values": [1, 2], "y": "label", "y_values": ["a"]
    },
    "DirectionRequest": {"model": "m", "offsets": [0.5, 1], "component": 1, "frames": 9},
}  # fmt: skip


def some_request(chance: Chance) -> tuple[str, str]:
    """Return the kind of a request and changed JSON of its fields."""
    kind = chance.choice(["TrainPlan", *GOOD])
    good = GOOD[kind]
    if kind == "TrainPlan":
        good = good | {"method": chance.choice(list(METHODS))}
        fields = METHODS[good["method"]].config.model_json_schema()["properties"]
        config = {name: field.get("default") for name, field in fields.items()}
        good["config"] = dict(chance.sample(list(config.items()), chance.choice((0, 2))))
    return kind, as_json(chance, good)


def read_request(folder: Path, given: tuple[str, str]) -> None:
    """Make a request; of a plan also its network, and the plan again from its file."""
    kind, text = given
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(fields, dict):
        return
    request = getattr(requests, kind)(**fields)
    if isinstance(request, requests.TrainPlan):
        method = session.check_plan(request)
        config = {"classes": 2 * method.classes} | request.config
        with torch.device("meta"):
            method.build(config)
        checkpoint.write_text(folder / runs.PLAN, request.model_dump_json())
        assert runs.read_plan(folder) == request


# --- Models and runs -----------------------------------------------------------------------------

MODELS: dict[str, dict[str, Any]] = {
    "vae": {"width": 16, "latent": 3, "components": 2, "classes": 2},
    "dcgan": {"width": 8, "latent": 8, "channels": 1},
    "flow": {"width": 16, "growth": [1, 1], "depth": [1, 1]},
    "repair": {"widths": [8, 8], "blocks": [1, 1], "crop": 16},
    "segment": {"size": 32, "widths": [8, 8], "field": 2},
    "classifier": {"widths": [8, 8, 8], "features": 8, "classes": 2},
}


@functools.cache
def good_model(method: str) -> tuple[dict[str, Any], bytes]:
    """Return the card and the weights of a tiny model."""
    model = METHODS[method].build(MODELS[method])
    config = model.config.model_dump(mode="json")
    card = checkpoint.Card(method=method, config=config, classes=("a", "b")[: config["classes"]])
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        checkpoint.save(Path(folder), model, card)
        return card.model_dump(mode="json"), (Path(folder) / checkpoint.WEIGHTS).read_bytes()


def some_tensors(chance: Chance, content: bytes) -> bytes:
    """Return a safetensors file that is damaged: its header, or anything."""
    if chance.random() < 0.5:
        return mutated(chance, [content])
    size = struct.unpack_from("<Q", content)[0]
    header = as_json(chance, json.loads(content[8 : 8 + size])).encode(errors="replace")
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def some_model(chance: Chance) -> tuple[str, bytes]:
    """Return a card and weights, of which one is changed."""
    card, weights = good_model(chance.choice(list(MODELS)))
    if chance.random() < 0.5:
        return json.dumps(card), some_tensors(chance, weights)
    good = {name: value for name, value in card.items() if value}
    return as_json(
        chance, {**good, "config": card["config"], "defaults": {"guidance": 2}}
    ), weights


def read_model(folder: Path, given: tuple[str, bytes]) -> None:
    """Inspect, describe and load a model."""
    (folder / checkpoint.CARD).write_text(given[0], encoding="utf-8", errors="replace")
    (folder / checkpoint.WEIGHTS).write_bytes(given[1])
    model_info.describe("model", folder, checkpoint.inspect(folder))
    checkpoint.load(folder)


@functools.cache
def good_run() -> dict[str, bytes]:
    """Return the files of a run."""
    plan = requests.TrainPlan(**GOOD["TrainPlan"])
    state = {"trainer": {"steps": 3, "ema": [torch.ones(3)]}, "model": {"w": torch.zeros(2, 2)}}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        folder = Path(place)
        own = {"title": "t", "classes": ["a", "b"], "flip": False, "names": ["a/0.png", "b/1.png"]}
        tensors = {
            "images": torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "labels": torch.tensor([0, 1]),
            "pairs": torch.tensor([0, 0]), "held_out": torch.tensor([False, False])
        }  # fmt: skip
        checkpoint.write_tensors(
            folder / user_dataset.IMAGES_FILE, tensors, {"told": json.dumps(own)}
        )
        checkpoint.save_state(folder / session.STATE, state | {"seconds": 1.0})
        found = {file.name: file.read_bytes() for file in folder.iterdir()}
    events = [
        {"event": "Started", "method": "vae", "data": "mnist", "parameters": 9, "step": 0},
        {"event": "Step", "step": 1, "seconds": 0.1, "progress": 0.1, "losses": {"loss": 1.0},
         "images_per_second": 5.0},
        {"event": "Saved", "step": 1, "path": "model"},
        {"event": "Finished", "reason": "done", "step": 1, "seconds": 0.2, "message": ""},
    ]  # fmt: skip
    return found | {
        runs.PLAN: plan.model_dump_json().encode(),
        run_control.CONTROL: b'{"pace": "slow", "granted": 3, "part": null}',
        runs.EVENTS: "".join(json.dumps(e) + "\n" for e in events).encode(),
        "captions.csv": TABLES[0],
    }


def some_run(chance: Chance) -> dict[str, bytes]:
    """Return the files of a run, some of them changed."""
    files = dict(good_run())
    for name in chance.sample(list(files), chance.choice((1, 2, len(files)))):
        content = files[name]
        if name.endswith(".safetensors"):
            files[name] = some_tensors(chance, content)
        elif chance.random() < 0.5 or name.endswith(".csv"):
            files[name] = mutated(chance, [content])
        else:
            lines = [as_json(chance, json.loads(line)) for line in content.splitlines()]
            files[name] = "\n".join(lines).encode(errors="replace")
    return files


def read_run(folder: Path, files: dict[str, bytes]) -> None:
    """Read all that a run directory holds, as the page and those who resume it do."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    logged = runs.events(folder)
    runs.status(folder, logged[-1] if logged else None)
    run_control.set_pace(folder, run_control.read(folder).pace)
    os.environ["AIGC_CACHE"] = str(folder)
    tensor_cache.read("pictures", ["images"])
    for read in (
        lambda: runs.read_plan(folder),
        lambda: checkpoint.load_state(folder / session.STATE),
        lambda: user_dataset.load(folder / user_dataset.IMAGES_FILE, "pictures", captioned=True),
        lambda: user_dataset.load(folder / user_dataset.IMAGES_FILE, "pairs"),
    ):
        with contextlib.suppress(UserError):
            read()


# --- Prompts and names of data sets --------------------------------------------------------------


def read_prompts(folder: Path, texts: list[str]) -> None:
    """Encode texts as prompts and captions."""
    codes = byte_tokenizer.encode(texts)
    assert codes.shape == (len(texts), byte_tokenizer.MAX_BYTES)
    assert torch.equal(byte_tokenizer.encode(byte_tokenizer.decode(codes)), codes)
    for text in texts:
        byte_tokenizer.clean(text)
        with contextlib.suppress(UserError):
            requests.GenerateRequest(model="m", prompt=text)


def read_styles(folder: Path, texts: list[str]) -> None:
    """Let prompts ask for a style."""
    from aigc_demo.ui.generate import prompts  # the page: a large library

    for text in texts:
        asked = prompts.in_style(text, "noto", ("fluentui", "noto", "twemoji"))
        assert asked.endswith("noto style")
        assert len(asked) <= requests.MAX_PROMPT


def some_name(chance: Chance) -> str:
    """Return a name of a data set: samples of a model, several sets, or anything."""
    query = "&".join(
        f"{chance.choice(('n', 'seed', 'classes', 'x'))}={chance.choice((7, any_text(chance)))}"
        for _ in range(chance.randrange(3))
    )
    model = chance.choice(("tiny", "tiny", any_text(chance)))
    alone = (f"generated:{model}?{query}", f"mnist+{any_text(chance)}", any_text(chance), "mnist")
    return chance.choice(alone)


def read_data_name(folder: Path, name: str) -> None:
    """Look up a name of a data set; none of them is loaded."""
    os.environ["AIGC_CHECKPOINTS"] = str(folder)
    card, weights = good_model("vae")
    (folder / "tiny").mkdir()
    (folder / "tiny" / checkpoint.CARD).write_text(json.dumps(card))
    (folder / "tiny" / checkpoint.WEIGHTS).write_bytes(weights)
    data.title_of(name)
    if name.startswith(model_samples.PREFIX):
        model_samples.parse(name)
    elif not name.startswith(("/", ".")):  # folders that are there can be any size
        data.load(name, root=folder, size=8)


TARGETS: dict[str, Target] = {
    "pictures": Target(some_picture, read_picture),
    "masks": Target(some_picture, read_mask),
    "settings": Target(some_settings, read_settings),
    "zips": Target(some_zip, read_zip),
    "folders": Target(some_files, read_folder),
    "captions": Target(some_table, read_captions),
    "names": Target(some_texts, read_names),
    "pipelines": Target(some_pipeline, read_pipeline),
    "requests": Target(some_request, read_request),
    "models": Target(some_model, read_model),
    "runs": Target(some_run, read_run),
    "prompts": Target(some_texts, read_prompts),
    "styles": Target(some_texts, read_styles),
    "data_names": Target(some_name, read_data_name),
}
