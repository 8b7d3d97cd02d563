// Lines over the steps of a run, with a cursor at the step that is shown. Point or drag to go to a step.

import { element, put } from "../heatview/dom.js";
import { MINUS, SPACE, percent } from "../heatview/words.js";

const LINE_COLOURS = ["#d9772b", "#17999c", "#8073d6", "#d6455d"]; // of no readout
const TICK = { first: 118, other: 88 }; // px to the next words below the lines
const HIGH = 132, PAD = { left: 40, right: 8, top: 6, bottom: 18 };

export const svg = (tag, attributes = {}) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

export class Chart {
  constructor(about, offset, onStep) {
    this.about = about;
    this.onStep = onStep;
    this.first = about.first ?? 1; // the number of the first frame
    this.root = element("figure", "chart");
    this.root.append(element("figcaption", "chart-title", about.title));
    this.legend = element("div", "lines");
    this.colours = about.lines.map((line, k) => line.colour ?? LINE_COLOURS[(k + offset) % LINE_COLOURS.length]);
    this.numbers = about.lines.map((line, k) => {
      const item = element("span", "line");
      item.title = line.help ?? "";
      const dash = element("span", "dash");
      dash.style.borderTop = `0.18rem ${line.dashed ? "dashed" : "solid"} ${this.colours[k]}`;
      const number = element("span", "number");
      item.append(dash, element("span", "", line.label), number);
      this.legend.append(item);
      return number;
    });
    this.svg = svg("svg", { role: "img", height: HIGH });
    this.root.append(this.legend, this.svg);
    this.svg.onpointerdown = (event) => {
      this.svg.setPointerCapture(event.pointerId);
      this.point(event);
    };
    this.svg.onpointermove = (event) => event.buttons && this.point(event);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
    this.onStep(Math.round(share * (this.total - 1)));
  }

  valuesOf(frame, threshold) {
    return this.about.lines.map(({ key }) => {
      const [layer, curve] = key.split(":");
      return curve ? frame.curves[layer]?.[curve]?.[Math.round(100 * threshold)] : frame.values[key];
    });
  }

  read(frames, threshold) {
    this.labels = frames.map((frame) => frame.label);
    this.rows = frames.map((frame) => this.valuesOf(frame, threshold));
    this.known = this.rows.flat().filter(Number.isFinite);
  }

  // Draws all lines that were read, on an axis that holds these values; the cursor moves more often, so it is moved apart.
  draw(frames, total, values) {
    const width = this.svg.clientWidth;
    if (!width) return; // hidden: the observer calls again
    this.total = total;
    const [low, high] = this.about.percent ? [0, 1] : span(values);
    const x = (i) => PAD.left + (total > 1 ? i / (total - 1) : 0.5) * (width - PAD.left - PAD.right);
    const y = (value) => PAD.top + (1 - (value - low) / (high - low)) * (HIGH - PAD.top - PAD.bottom);
    this.x = x;
    const parts = [];
    for (const value of this.about.percent ? [0, 0.5, 1] : ticks(low, high)) {
      const text = svg("text", { x: PAD.left - 5, y: y(value) + 3.5, "text-anchor": "end" });
      text.textContent = this.about.percent ? `${Math.round(100 * value)}${SPACE}%` : tidy(value);
      parts.push(svg("path", { class: value === 0 ? "zero" : "grid", d: `M${PAD.left} ${y(value)}H${width - PAD.right}` }), text);
    }
    for (const [i, words] of this.ticks(total, x)) {
      const text = svg("text", { x: x(i), y: HIGH - 4, "text-anchor": i === 0 ? "start" : i === total - 1 ? "end" : "middle" });
      text.textContent = words;
      parts.push(text);
    }
    this.colours.forEach((colour, k) => {
      const d = this.rows.map((row, i) => this.segment(frames, row[k], i, k, x, y)).join("");
      const dashes = this.about.lines[k].dashed ? { "stroke-dasharray": "4 5" } : {};
      parts.push(svg("path", { class: "curve", d, stroke: colour, ...dashes }));
    });
    this.cursor = svg("path", { class: "cursor" });
    this.dots = this.colours.map((colour) => svg("circle", { r: 3.2, fill: colour, class: "dot" }));
    this.svg.replaceChildren(...parts, this.cursor, ...this.dots);
    this.y = y;
  }

  // [frame, words] below the lines: what the page says, as far as it has room, or the first, middle and last number.
  ticks(total, x) {
    if (this.about.ticks) {
      const there = this.about.ticks.filter(([i]) => i < total);
      const room = (k) => x(there[k + 1][0]) - x(there[k][0]) > (k === 0 ? TICK.first : TICK.other);
      return there.filter((_, k) => k === there.length - 1 || room(k));
    }
    const middle = Math.floor((total - 1) / 2);
    const shown = [[0, `${this.about.step ?? "step"} ${this.first}`], [middle, middle + this.first], [total - 1, total - 1 + this.first]];
    return shown.filter(([i], k) => !k || i > 0);
  }

  // A line is broken where a value is unknown and, unless it is to be joined, where another part begins.
  segment(frames, value, i, k, x, y) {
    if (!Number.isFinite(value)) return "";
    const goesOn = i > 0 && (this.about.joined || frames[i - 1].part === frames[i].part);
    const joined = goesOn && Number.isFinite(this.rows[i - 1][k]);
    return `${joined ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}${joined ? "" : "h.01"}`;
  }

  mark(i) {
    const row = this.rows?.[i];
    if (!row || !this.cursor) return;
    this.cursor.setAttribute("d", `M${this.x(i)} ${PAD.top}V${HIGH - PAD.bottom}`);
    row.forEach((value, k) => {
      const there = Number.isFinite(value);
      put(this.numbers[k], there ? (this.about.percent ? percent(value) : tidy(value)) : "–");
      this.dots[k].setAttribute("visibility", there ? "visible" : "hidden");
      if (!there) return;
      this.dots[k].setAttribute("cx", this.x(i));
      this.dots[k].setAttribute("cy", this.y(value));
    });
    const words = this.about.lines.map((line, k) => `${line.label} ${this.numbers[k].textContent}`).join(", ");
    const where = this.about.ticks ? this.labels[i] : `${this.about.step ?? "step"} ${i + this.first}`;
    this.svg.setAttribute("aria-label", `${this.about.title}, ${where}: ${words}`);
  }
}

function span(values) {
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  return high > low ? [low, high] : [0, 1];
}

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 2));
  const wide = [1, 2, 5, 10].map((times) => times * step).find((size) => (high - low) / size <= 3.5);
  const values = [];
  for (let k = Math.ceil(low / wide); k * wide <= high + 1e-9; k++) values.push(k * wide);
  return values;
}

export function tidy(value) {
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 1e5 || size < 1e-3 ? size.toExponential(1) : String(Number(size.toPrecision(3)));
  return (value < 0 ? MINUS : "") + text;
}
