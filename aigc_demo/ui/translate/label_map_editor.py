"""The drawing board for façade plans: a palette of named classes, a brush and a rectangle.

Gradio's editor has neither names for its colours nor rectangles, and paints with soft edges; a
plan needs exact colours. The board's value is the plan as a PNG in a ``data:`` address.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadImage
from aigc_demo.imaging import facade_labels, images

PREFIX = "data:image/png;base64,"
MAX_CHARACTERS = 2_000_000
NEAR, MOSTLY = 48, 0.7  # grey levels from a class's colour, and share of a plan that is as near
CHINESE = {
    "background": "背景", "wall": "墙", "window": "窗", "entrance": "入口", "window head": "窗楣",
    "sill": "窗台", "balcony": "阳台", "shutter": "百叶窗", "trim": "装饰", "cornice": "檐口",
    "column": "柱", "door": "门",
}  # fmt: skip
TOOLS = (
    ("rectangle", "Rectangle", "矩形"),
    ("brush", "Brush", "画笔"),
    ("fill", "Fill", "填充"),
)


def board(elem_id: str, *, visible: bool) -> gr.HTML:
    """Add the board; it tells ``input`` after each stroke."""
    return gr.HTML(
        as_value(facade_labels.example()),
        html_template=_html(),
        css_template=CSS,
        js_on_load=JS,
        elem_id=elem_id,
        visible=visible,
    )


def as_value(plan: Image.Image) -> str:
    """Return the board's value for a plan."""
    return PREFIX + base64.b64encode(images.encode_png(plan.convert("RGB"))).decode()


def plan_of(value: Any) -> Image.Image:
    """Return the plan that the board holds; raises BadImage where it holds none."""
    if not isinstance(value, str) or not value.startswith(PREFIX) or len(value) > MAX_CHARACTERS:
        raise BadImage("plan: nothing is drawn yet; draw something, or take the example.")
    try:
        content = base64.b64decode(value.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise BadImage("plan: it arrived damaged; draw something and try again.") from None
    return images.open_image(content).convert("RGB")


def fitted(image: Image.Image) -> Image.Image:
    """Return a plan from a file at the board's size, in the exact colours of the classes, with
    background beside it where it is not square; raises BadImage where it is no plan.
    """
    image = images.flatten(image, "RGB", 255)
    side = max(image.size)
    square = Image.new("RGB", (side, side), facade_labels.CLASSES["background"])
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    square = square.resize((facade_labels.SIDE, facade_labels.SIDE), Image.Resampling.NEAREST)
    _check(image)
    palette = Image.new("P", (1, 1))
    colours = [value for rgb in facade_labels.CLASSES.values() for value in rgb]
    palette.putpalette(colours + colours[:3] * (256 - len(facade_labels.CLASSES)))
    return square.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")


def _check(image: Image.Image) -> None:
    """Raise BadImage where few pixels of an RGB picture are near to a colour of a class."""
    small = image.resize((64, 64), Image.Resampling.NEAREST)
    known = list(facade_labels.CLASSES.values())
    near = sum(
        count
        for count, colour in small.getcolors(64 * 64) or []
        if min(max(abs(a - b) for a, b in zip(colour, k, strict=True)) for k in known) <= NEAR
    )
    if near < MOSTLY * 64 * 64:
        raise BadImage(
            "plan: this picture is none; take one in the colours of the classes, or draw one."
        )


def _html() -> str:
    chips = "".join(
        f'<button type="button" class="chip" data-colour="{_hex(rgb)}" title="{name}">'
        f'<i style="background:{_hex(rgb)}"></i><span data-zh="{CHINESE[name]}">{name}</span>'
        "</button>"
        for name, rgb in facade_labels.CLASSES.items()
    )
    tools = "".join(
        f'<button type="button" class="tool" data-tool="{tool}"><span data-zh="{zh}">{en}</span>'
        "</button>"
        for tool, en, zh in TOOLS
    )
    return (
        f'<div class="chips">{chips}</div>'
        f'<canvas width="{facade_labels.SIDE}" height="{facade_labels.SIDE}" tabindex="0" '
        'aria-label="plan of a façade"></canvas>'
        f'<div class="tools">{tools}'
        '<label><span data-zh="粗细">Size</span> '
        '<input class="size" type="range" min="1" max="16" value="4"></label>'
        '<button type="button" class="undo"><span data-zh="撤销">Undo</span></button></div>'
    )


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


CSS = """
canvas { width: 100%; max-width: 420px; aspect-ratio: 1; image-rendering: pixelated;
  touch-action: none; cursor: crosshair; border-radius: 6px; display: block; }
.chips, .tools { display: flex; flex-wrap: wrap; gap: 4px; margin: 6px 0; align-items: center; }
.chip, .tool, .undo { display: inline-flex; align-items: center; gap: 5px; padding: 3px 8px;
  border: 1px solid var(--border-color-primary); border-radius: 6px; font-size: 13px;
  background: var(--button-secondary-background-fill); color: var(--body-text-color);
  cursor: pointer; }
.chip i { width: 13px; height: 13px; border-radius: 3px; display: inline-block; }
.chip.on, .tool.on { outline: 2px solid var(--color-accent); }
.tools label { font-size: 13px; display: inline-flex; align-items: center; gap: 4px; }
.tools input { width: 90px; }
"""

# Squares instead of round brushes, so that no pixel is a mixture of two colours.
JS = """
const canvas = element.querySelector('canvas');
const pen = canvas.getContext('2d', { willReadFrequently: true });
const side = canvas.width, past = [];
let colour = '', tool = '', from = null, before = null, sent = null, ready = false;
if (navigator.language.startsWith('zh'))
  element.querySelectorAll('[data-zh]').forEach(e => { e.textContent = e.dataset.zh; });
function choose(kind, button) {
  element.querySelectorAll('.' + kind).forEach(b => b.classList.toggle('on', b === button));
}
element.querySelectorAll('.chip').forEach(b => b.addEventListener('click', () => {
  colour = b.dataset.colour; choose('chip', b); }));
element.querySelectorAll('.tool').forEach(b => b.addEventListener('click', () => {
  tool = b.dataset.tool; choose('tool', b); }));
element.querySelectorAll('.chip')[2].click();
element.querySelector('.tool').click();
function show(value) {
  if (!value || value === sent) return;
  const image = new Image();
  image.onload = () => {
    if (ready) keep();
    ready = true; pen.imageSmoothingEnabled = false; pen.drawImage(image, 0, 0, side, side);
  };
  image.src = value;
}
function keep() {
  past.push(pen.getImageData(0, 0, side, side));
  if (past.length > 30) past.shift();
}
function tell() { sent = canvas.toDataURL('image/png'); props.value = sent; trigger('input'); }
function place(event) {
  const box = canvas.getBoundingClientRect();
  const at = (value, start, length) =>
    Math.max(0, Math.min(side - 1, Math.floor((value - start) / length * side)));
  return [at(event.clientX, box.left, box.width), at(event.clientY, box.top, box.height)];
}
function line(a, b) {
  const size = Number(element.querySelector('.size').value);
  const steps = Math.max(1, Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1]));
  for (let i = 0; i <= steps; i++) {
    const [x, y] = [0, 1].map(k => Math.round(a[k] + (b[k] - a[k]) * i / steps - size / 2));
    pen.fillRect(x, y, size, size);
  }
}
function box(a, b) {
  pen.fillRect(Math.min(a[0], b[0]), Math.min(a[1], b[1]),
    Math.abs(a[0] - b[0]) + 1, Math.abs(a[1] - b[1]) + 1);
}
function flood(at) {
  const image = pen.getImageData(0, 0, side, side), pixels = new Uint32Array(image.data.buffer);
  pen.fillRect(at[0], at[1], 1, 1);
  const wanted = new Uint32Array(pen.getImageData(at[0], at[1], 1, 1).data.buffer)[0];
  const old = pixels[at[1] * side + at[0]], todo = [at];
  while (todo.length && old !== wanted) {
    const [x, y] = todo.pop();
    if (x < 0 || y < 0 || x >= side || y >= side || pixels[y * side + x] !== old) continue;
    pixels[y * side + x] = wanted;
    todo.push([x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]);
  }
  pen.putImageData(image, 0, 0);
}
canvas.addEventListener('pointerdown', event => {
  event.preventDefault(); canvas.setPointerCapture(event.pointerId);
  keep(); before = past[past.length - 1];
  from = place(event); pen.fillStyle = colour;
  if (tool === 'brush') line(from, from);
  if (tool === 'rectangle') box(from, from);
  if (tool === 'fill') flood(from);
});
canvas.addEventListener('pointermove', event => {
  if (!from) return;
  const to = place(event);
  if (tool === 'brush') { line(from, to); from = to; }
  if (tool === 'rectangle') { pen.putImageData(before, 0, 0); box(from, to); }
});
function end() { if (from) { from = null; tell(); } }
canvas.addEventListener('pointerup', end);
canvas.addEventListener('pointercancel', end);
element.querySelector('.undo').addEventListener('click', () => {
  if (past.length) { pen.putImageData(past.pop(), 0, 0); tell(); } });
watch('value', () => show(props.value));
show(props.value);
"""
