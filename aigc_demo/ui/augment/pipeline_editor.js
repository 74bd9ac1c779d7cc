const STEPS = __STEPS__;
const which = navigator.language.startsWith('zh') ? 1 : 0;
const list = element.querySelector('.steps'), none = element.querySelector('.none');
const kinds = element.querySelector('.kinds');
let sent = null, soon = 0;
if (which) element.querySelectorAll('[data-zh]').forEach(e => { e.textContent = e.dataset.zh; });
for (const group of new Set(Object.values(STEPS).map(k => k.group[which]))) {
  const part = document.createElement('optgroup'); part.label = group;
  for (const [name, kind] of Object.entries(STEPS)) if (kind.group[which] === group)
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
  const kind = STEPS[step.name]; if (!kind) return;
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
