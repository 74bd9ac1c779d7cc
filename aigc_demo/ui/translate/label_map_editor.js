// Squares instead of round brushes, so that no pixel is a mixture of two colours.
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
