// Adds c · v to every row of W′: logits by one number, the map by another map. Joined to the heat view's small scripts.

import { setColours, softmax } from "./shared.js";
import { decodeTable, heatColours } from "../components/heatview/colours.js";
import { clamp, element, mounted, put } from "../components/heatview/dom.js";
import { MINUS, fixed, peakText, percent } from "../components/heatview/words.js";

class Shift {
  constructor(parent, data) {
    this.root = element("div", "shift");
    setColours(this.root, data.colours);
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", min: -data.limit, max: data.limit, step: 0.05, value: 0 });
    this.slider.setAttribute("aria-label", "How much of v is added: c");
    this.slider.oninput = () => this.draw();
    this.chosen = element("select");
    this.chosen.setAttribute("aria-label", "The vector v");
    this.chosen.onchange = () => this.draw();
    this.amount = element("output");
    const controls = element("div", "controls");
    controls.append(this.field("The vector v", this.chosen), this.field("How much of it: c = ", this.slider, this.amount));
    controls.lastChild.classList.add("amount");
    this.before = this.figure("w′ as trained");
    this.after = this.figure("w′ + c · v");
    this.loss = element("p", "loss");
    this.loss.setAttribute("role", "status");
    this.table = element("table");
    const numbers = element("div", "numbers"), views = element("div", "views");
    numbers.append(this.loss, this.table);
    views.append(this.before.root, this.after.root, numbers);
    this.root.append(controls, views);
    parent.append(this.root);
  }

  field(words, control, output) {
    const field = element("label", "field"), title = element("span", "title", words);
    if (output) title.append(output);
    field.append(title, control);
    return field;
  }

  figure(words) {
    const root = element("figure"), canvas = element("canvas"), note = element("div", "note");
    canvas.setAttribute("role", "img");
    root.append(element("figcaption", "", words), canvas, note);
    return { root, canvas, note, words };
  }

  async update({ data }) {
    if (JSON.stringify(data) === this.shown) return;
    this.shown = JSON.stringify(data);
    this.data = data;
    const names = data.shifts.map((shift) => shift.name);
    this.chosen.replaceChildren(...names.map((name, i) => Object.assign(element("option", "", name), { value: i })));
    this.chosen.value = 0;
    this.slider.value = 0;
    this.colours = heatColours(decodeTable(data.palette), { opacity: data.opacity, grow: false }, 1);
    const photo = new Image();
    photo.src = data.photo;
    await photo.decode();
    if (this.data !== data) return; // another picture came meanwhile
    this.photo = photo;
    const scale = Math.min(480 / data.size[0], 480 / data.size[1]);
    for (const { canvas } of [this.before, this.after]) {
      [canvas.width, canvas.height] = data.size.map((side) => Math.round(side * scale));
    }
    this.paint(this.before, data.map);
    this.draw();
  }

  draw() {
    if (!this.photo) return;
    const { data } = this;
    const c = Number(this.slider.value), shift = data.shifts[Number(this.chosen.value)];
    put(this.amount, c.toFixed(2).replace("-", MINUS));
    this.paint(this.after, data.map.map((value, i) => value + c * shift.moved[i]));
    const before = softmax(data.logits), z = data.logits.map((value) => value + c * shift.by), after = softmax(z);
    const sce = (p) => (-Math.log(p[data.target])).toFixed(4);
    put(this.loss, `SCE ${sce(before)} → ${sce(after)}`);
    this.loss.dataset.exact = -Math.log(after[data.target]);
    const line = (tag, words, classes = []) => {
      const row = element("tr");
      row.append(...words.map((word, i) => element(tag, classes[i] ?? "", word)));
      return row;
    };
    const rows = data.shown.map(({ k, name }) => line("td", [name, z[k].toFixed(2).replace("-", MINUS), after[k].toFixed(4)], ["", "z", "p"]));
    this.table.replaceChildren(line("th", [`FC2 on f of ${data.name}`, "z′", "softmax"]), ...rows);
  }

  // ReLU on the grid, then interpolated, then divided by its own maximum, as everywhere.
  paint({ canvas, note, words }, signedMap) {
    const { data } = this;
    const [rows, columns] = data.grid;
    const grid = signedMap.map((value) => Math.max(0, value));
    const times = Math.max(1, Math.round(192 / Math.max(rows, columns)));
    const fine = this.finer(grid, rows, columns, times);
    const top = fine.reduce((a, b) => Math.max(a, b), 0), nothing = !(top > 1e-6); // rounding leaves traces of a map that is gone
    const image = new ImageData(columns * times, rows * times), pixels = new Uint32Array(image.data.buffer);
    fine.forEach((value, i) => (pixels[i] = nothing ? 0 : this.colours[Math.round((255 * value) / top)]));
    const cells = new OffscreenCanvas(image.width, image.height);
    cells.getContext("2d").putImageData(image, 0, 0);
    const ctx = canvas.getContext("2d");
    ctx.drawImage(this.photo, 0, 0, canvas.width, canvas.height);
    ctx.drawImage(cells, 0, 0, (canvas.width * data.covers[0]) / data.size[0], (canvas.height * data.covers[1]) / data.size[1]);
    const share = fine.filter((value) => value > data.threshold * top).length / fine.length;
    const summary = nothing ? "no positive evidence anywhere" : `peak ${peakText(top)}, ${percent(share)} above ${fixed(data.threshold)}`;
    put(note, summary);
    canvas.setAttribute("aria-label", `${words} for ${data.name}: ${summary}`);
  }

  finer(grid, rows, columns, times) {
    const out = new Float64Array(rows * columns * times * times), wide = columns * times;
    for (let i = 0; i < rows * times; i++) {
      const y = clamp((i + 0.5) / times - 0.5, 0, rows - 1), top = Math.floor(y), bottom = Math.min(top + 1, rows - 1);
      for (let j = 0; j < wide; j++) {
        const x = clamp((j + 0.5) / times - 0.5, 0, columns - 1), left = Math.floor(x), right = Math.min(left + 1, columns - 1);
        const mix = (row) => grid[row * columns + left] + (grid[row * columns + right] - grid[row * columns + left]) * (x - left);
        out[i * wide + j] = mix(top) + (mix(bottom) - mix(top)) * (y - top);
      }
    }
    return out;
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted((parent, data) => new Shift(parent, data));
