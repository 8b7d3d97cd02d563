// Three logits under BCE or SCE. All is computed here while a slider moves; Python hears of it when it is let go.
// Joined to the heat view's small scripts.

import { setColours, sigmoid, softmax } from "./shared.js";
import { element, mounted } from "../components/heatview/dom.js";
import { MINUS } from "../components/heatview/words.js";

const signedText = (value, digits) => {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
};

// Probabilities, gradients by logits, and how the gradient of row k moves with the logit of column j.
const LOSSES = {
  bce({ z, y }) {
    const p = z.map(sigmoid);
    return {
      p,
      g: p.map((value, k) => value - y[k]),
      coupling: p.map((value, k) => p.map((_, j) => (j === k ? value * (1 - value) : 0))),
      loss: z.reduce((sum, value, k) => sum + Math.log1p(Math.exp(-Math.abs(value))) + Math.max(value, 0) - value * y[k], 0) / z.length,
    };
  },
  sce({ z, target }) {
    const p = softmax(z), top = Math.max(...z);
    return {
      p,
      g: p.map((value, k) => value - (k === target ? 1 : 0)),
      coupling: p.map((value, k) => p.map((other, j) => (j === k ? value * (1 - value) : -value * other))),
      loss: Math.log(z.reduce((sum, value) => sum + Math.exp(value - top), 0)) + top - z[target],
    };
  },
};

const WORDS = {
  bce: { mark: "label y", p: "σ(z)", g: "gradient σ(z) − y", kind: "checkbox", loss: "BCE" },
  sce: { mark: "target c", p: "softmax p", g: "gradient p − [k = c]", kind: "radio", loss: "SCE" },
};

class Logits {
  constructor(parent, data) {
    this.data = data;
    this.words = WORDS[data.kind];
    this.names = data.names;
    this.state = structuredClone(data.initial);
    this.root = element("div", "logits");
    setColours(this.root, data.colours);
    this.grid = element("div", "grid");
    this.total = element("p", "total");
    this.total.setAttribute("role", "status");
    this.below = element("div", "below");
    this.matrix = element("table");
    this.root.append(this.grid, this.total, this.below);
    this.build();
    parent.append(this.root);
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    const before = this.data.picture;
    this.data = data;
    const another = JSON.stringify(before) !== JSON.stringify(data.picture);
    const isShown = JSON.stringify(this.names) === JSON.stringify(before?.names);
    if (another && data.picture && isShown) this.take(data.picture.names, data.picture);
  }

  build() {
    const { kind } = this.data;
    const head = element("div", "head");
    for (const word of ["class", this.words.mark, "logit z", "", this.words.p, "", this.words.g, ""]) head.append(element("span", "", word));
    this.rows = this.state.z.map((_, k) => this.row(k));
    this.grid.replaceChildren(head, ...this.rows.map((row) => row.root));
    const buttons = element("div", "buttons");
    buttons.append(this.button("Worked example", () => this.take(this.data.names, this.data.start)));
    if (this.data.picture) buttons.append(this.button("This picture", () => this.take(this.data.picture.names, this.data.picture)));
    this.curve = kind === "bce" ? this.makeCurve() : null;
    this.below.replaceChildren(buttons, ...(this.curve ? [this.curve.root] : []), this.matrix);
    this.draw();
  }

  row(k) {
    const root = element("div", "row");
    const name = element("span", "name", this.names[k]);
    const mark = element("label", "mark");
    const box = element("input");
    box.type = this.words.kind;
    box.name = "target";
    box.setAttribute("aria-label", `${this.words.mark} of ${this.names[k]}`);
    box.onchange = () => {
      if (this.data.kind === "bce") this.state.y[k] = Number(box.checked);
      else this.state.target = k;
      this.draw();
      this.report();
    };
    const answer = element("span");
    mark.append(box, answer);
    const slider = element("input");
    Object.assign(slider, { type: "range", min: -this.data.limit, max: this.data.limit, step: 0.05 });
    slider.setAttribute("aria-label", `Logit z of ${this.names[k]}`);
    slider.oninput = () => {
      this.state.z[k] = Number(slider.value);
      this.draw();
    };
    slider.onchange = () => this.report();
    const z = element("output", "z"), p = element("output", "p"), g = element("output", "g");
    const bars = ["p", "g"].map((kind) => {
      const bar = element("div", `bar ${kind}`);
      bar.append(element("div", "fill"));
      return bar;
    });
    root.append(name, mark, slider, z, bars[0], p, bars[1], g);
    return { root, box, answer, slider, z, p, g, fills: bars.map((bar) => bar.firstChild) };
  }

  button(text, act) {
    const button = element("button", "", text);
    button.onclick = act;
    return button;
  }

  take(names, { z, y, target }) {
    this.names = names;
    this.state = { z: [...z], y: [...y], target };
    this.build();
    this.report();
  }

  draw() {
    const { z, y, target } = this.state;
    const { kind } = this.data;
    const { p, g, coupling, loss } = LOSSES[kind](this.state);
    this.rows.forEach((row, k) => {
      row.slider.value = z[k];
      row.box.checked = kind === "bce" ? y[k] === 1 : target === k;
      row.answer.textContent = kind === "bce" ? `y = ${y[k]}` : target === k ? "c" : "";
      row.z.textContent = z[k].toFixed(2).replace("-", MINUS);
      row.p.textContent = p[k].toFixed(3);
      row.g.textContent = signedText(g[k], 4);
      row.g.dataset.exact = g[k];
      row.fills[0].style.cssText = `left: 0; width: ${100 * p[k]}%`;
      row.fills[1].style.cssText = `left: ${50 + 50 * Math.min(0, g[k])}%; width: max(1px, ${50 * Math.abs(g[k])}%)`;
    });
    const sum = g.reduce((a, b) => a + b, 0);
    const tail = kind === "sce" ? `; the gradients sum to ${signedText(sum, 4)}` : `; largest gradient ${Math.max(...g.map(Math.abs)).toFixed(4)}`;
    this.total.textContent = `${this.words.loss} = ${loss.toFixed(4)}${tail}`;
    this.drawMatrix(coupling);
    this.curve?.draw(z, y);
  }

  drawMatrix(coupling) {
    const caption = element("caption", "", "How much the gradient of a row moves with the logit of a column");
    const head = element("tr");
    head.append(element("th"), ...this.names.map((name) => element("th", "", name)));
    const rows = coupling.map((line, k) => {
      const row = element("tr");
      const cells = line.map((value) => {
        const cell = element("td", "", signedText(value, 4));
        cell.style.setProperty("--strong", Math.min(60, 240 * Math.abs(value)).toFixed(0));
        return cell;
      });
      row.append(element("th", "", this.names[k]), ...cells);
      return row;
    });
    this.matrix.replaceChildren(caption, head, ...rows);
  }

  // Gradient against logit for both labels, with a dot for each class.
  makeCurve() {
    const make = (tag, attributes) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
      return node;
    };
    const { limit } = this.data;
    const x = (z) => 150 + (140 * z) / limit, y = (g) => 60 - 48 * g;
    const root = make("svg", { viewBox: "0 0 300 124", role: "img", "aria-label": "Gradient against logit, for label 0 and for label 1" });
    const path = (label) => {
      const points = Array.from({ length: 81 }, (_, i) => -limit + (i * limit) / 40);
      return `M${points.map((z) => `${x(z).toFixed(1)} ${y(sigmoid(z) - label).toFixed(1)}`).join("L")}`;
    };
    const text = (px, py, words, anchor = "start") => {
      const node = make("text", { x: px, y: py, "text-anchor": anchor });
      node.textContent = words;
      return node;
    };
    const dots = this.names.map((name) => [make("circle", { r: 4 }), text(0, 0, name.slice(0, 10), "middle")]);
    root.append(
      make("line", { x1: x(-limit), x2: x(limit), y1: y(0), y2: y(0) }), make("line", { x1: x(0), x2: x(0), y1: y(1), y2: y(-1) }),
      make("path", { d: path(0) }), make("path", { d: path(1), class: "dashed" }),
      text(x(limit), y(1) + 12, "y = 0", "end"), text(x(-limit), y(-1) - 5, "y = 1 (dashed)"), text(x(limit), y(0) + 11, "z", "end"),
      text(x(0) + 4, y(1) + 3, "gradient"), ...dots.flat(),
    );
    const draw = (z, labels) => dots.forEach(([dot, word], k) => {
      const px = x(z[k]), py = y(sigmoid(z[k]) - labels[k]);
      dot.setAttribute("cx", px);
      dot.setAttribute("cy", py);
      word.setAttribute("x", px);
      word.setAttribute("y", py + (k % 2 ? -7 : 15));
    });
    return { root, draw };
  }

  report() {
    this.setStateValue("logits", structuredClone(this.state));
  }

  destroy() {
    this.root.remove();
  }
}

export default mounted((parent, data) => new Logits(parent, data));
