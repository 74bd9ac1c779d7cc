"""The board on which a pipeline is put together: steps are added, ordered, removed and set.

Gradio's own components would be built anew whenever a step comes or goes; here a step's
sliders are moved about with it. The board's value is the pipeline as JSON; it tells ``input`` when
a person has changed it.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from aigc_demo.augment import AUGMENTS
from aigc_demo.ui.i18n import both


def board(value: str, elem_id: str) -> gr.HTML:
    """Add the board."""
    return gr.HTML(
        value,
        html_template=HTML,
        css_template=CSS,
        js_on_load=JS.replace("__KINDS__", json.dumps(_kinds(), ensure_ascii=False)),
        elem_id=elem_id,
    )


def _kinds() -> dict[str, Any]:
    """Return what the browser needs to know of each kind of step."""
    return {
        name: {
            "words": both(f"step_{name}"),
            "group": both(f"group_{kind.group}"),
            "p": kind.p,
            "numbers": [
                {
                    "name": p.name,
                    "words": both(f"number_{p.name}"),
                    "value": p.default,
                    "low": p.minimum,
                    "high": p.maximum,
                    "step": p.step,
                    "unit": p.unit,
                    "choices": p.choices,
                }
                for p in kind.parameters
            ],
        }
        for name, kind in AUGMENTS.items()
    }


HTML = """
<ol class="steps"></ol>
<p class="none" data-zh="还没有步骤：在下面选择一个。">No steps yet: choose one below.</p>
<div class="adding"><select class="kinds" aria-label="step"></select>
<button type="button" class="add"><span data-zh="添加步骤">Add this step</span></button></div>
"""

CSS = """
.steps { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
.steps > li { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 6px 10px;
  background: var(--block-background-fill); }
.head { display: flex; align-items: center; gap: 6px; font-weight: 600; font-size: 14px; }
.head span { flex: 1; }
.head button, .add, .kinds { border: 1px solid var(--border-color-primary); border-radius: 6px;
  background: var(--button-secondary-background-fill); color: var(--body-text-color);
  cursor: pointer; font-size: 13px; padding: 3px 9px; min-height: 28px; }
.head button:disabled { opacity: .35; cursor: default; }
.head button { min-width: 30px; }
label { display: grid; grid-template-columns: minmax(92px, 34%) 1fr 52px; gap: 8px;
  align-items: center; font-size: 13px; margin-top: 3px; }
label input[type=range] { width: 100%; accent-color: var(--color-accent); min-width: 0; }
label output { text-align: right; font-variant-numeric: tabular-nums; }
.adding { display: flex; gap: 6px; margin-top: 8px; }
.kinds { flex: 1; min-width: 0; }
.add { white-space: nowrap; }
.none { font-size: 13px; opacity: .75; margin: 0; }
"""

JS = """
const KINDS = __KINDS__;
const which = navigator.language.startsWith('zh') ? 1 : 0;
const list = element.querySelector('.steps'), none = element.querySelector('.none');
const kinds = element.querySelector('.kinds');
let sent = null, soon = 0;
if (which) element.querySelectorAll('[data-zh]').forEach(e => { e.textContent = e.dataset.zh; });
for (const group of new Set(Object.values(KINDS).map(k => k.group[which]))) {
  const part = document.createElement('optgroup'); part.label = group;
  for (const [name, kind] of Object.entries(KINDS)) if (kind.group[which] === group)
    part.append(new Option(kind.words[which], name));
  kinds.append(part);
}
function value() { return JSON.stringify([...list.children].map(row => row.step)); }
function tell(wait) {
  clearTimeout(soon); number();
  soon = setTimeout(() => { sent = value(); props.value = sent; trigger('input'); }, wait);
}
function number() {
  none.hidden = list.children.length > 0;
  [...list.children].forEach((row, i) => {
    row.querySelector('.place').textContent = (i + 1) + '. ';
    row.querySelector('.up').disabled = i === 0;
    row.querySelector('.down').disabled = i === list.children.length - 1;
  });
}
function button(name, sign, words, click) {
  const made = document.createElement('button');
  made.type = 'button'; made.className = name; made.textContent = sign;
  made.title = words[which]; made.setAttribute('aria-label', words[which]);
  made.addEventListener('click', click); return made;
}
function slider(row, about) {
  const label = document.createElement('label'), words = document.createElement('span');
  words.textContent = about.words[which]; label.append(words);
  if (about.choices.length) {
    const select = document.createElement('select'); select.className = 'kinds';
    about.choices.forEach(c => select.append(new Option(c, c)));
    select.value = row.step[about.name];
    select.addEventListener('change', () => { row.step[about.name] = select.value; tell(0); });
    label.append(select); return label;
  }
  const range = document.createElement('input'), shown = document.createElement('output');
  range.type = 'range'; range.min = about.low; range.max = about.high; range.step = about.step;
  range.dataset.number = about.name; range.value = row.step[about.name];
  const show = () => { shown.textContent = Number(range.value) + about.unit; };
  range.addEventListener('input', () => {
    row.step[about.name] = Number(range.value); show(); tell(250); });
  show(); label.append(range, shown); return label;
}
function add(step) {
  const kind = KINDS[step.name]; if (!kind) return;
  const row = document.createElement('li');
  row.step = { name: step.name, p: step.p ?? kind.p };
  for (const about of kind.numbers) row.step[about.name] = step[about.name] ?? about.value;
  row.dataset.name = step.name;
  const head = document.createElement('div'); head.className = 'head';
  const title = document.createElement('span'), place = document.createElement('b');
  place.className = 'place'; title.append(place, kind.words[which]);
  head.append(title,
    button('up', '↑', ['earlier', '上移'], () => { row.previousSibling.before(row); tell(0); }),
    button('down', '↓', ['later', '下移'], () => { row.nextSibling.after(row); tell(0); }),
    button('remove', '✕', ['remove', '删除'], () => { row.remove(); tell(0); }));
  row.append(head, slider(row, { name: 'p', words: ['how often', '概率'], low: 0, high: 1,
    step: 0.05, unit: '', choices: [] }));
  for (const about of kind.numbers) row.append(slider(row, about));
  list.append(row); return row;
}
element.querySelector('.add').addEventListener('click', () => {
  if (list.children.length < 20) { add({ name: kinds.value }); tell(0); } });
function show(given) {
  if (given === sent || given === value()) return;
  let steps; try { steps = JSON.parse(given || '[]'); } catch { return; }
  if (!Array.isArray(steps)) return;
  list.replaceChildren(); steps.forEach(add); number(); sent = given;
}
watch('value', () => show(props.value));
show(props.value); number();
"""
