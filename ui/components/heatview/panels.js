// One row per class: heading, sentence, the picture and one panel per view, the legend.

import { element, put } from "./dom.js";
import { Legend } from "./legend.js";
import { canvasLabel, fixed, largeLines, panelLines, rowSentence, valueText, verdict } from "./words.js";

const FIGURES_TITLE = "Area: the share of the picture above the threshold. Peak: the largest raw value, in the units of this readout’s own logits. "
  + "IoU: what map and object share, of what they cover together; missed and wrong are the other parts of that. Best: the threshold with the highest IoU.";
const HINT = matchMedia("(hover: hover)").matches ? "point at a map to read it" : "tap a map to read it";

class Panel {
  // v is the number of the view, or -1 for the picture itself.
  constructor(heat, painter, v, c, large) {
    Object.assign(this, { heat, painter, v, c });
    this.large = large;
    this.lines = large ? largeLines : panelLines;
    const { picture } = heat.header;
    const view = v < 0 ? { label: "picture", title: picture.name } : heat.views[v];
    this.key = v < 0 ? "picture" : view.key;
    const isPair = v >= 0 && (v === heat.reference || v === heat.compared || view.asked);
    this.root = element("figure", `panel ${v < 0 ? "picture" : "view"}${isPair ? " pair" : ""}`);
    this.root.dataset.view = this.key;
    this.canvas = element("canvas");
    this.canvas.width = painter.width;
    this.canvas.height = painter.height;
    this.canvas.setAttribute("role", "img");
    this.ctx = this.canvas.getContext("2d");
    this.frame = element("div", "frame");
    this.frame.style.aspectRatio = `${picture.width} / ${picture.height}`;
    this.note = element("div", "note");
    this.cross = element("div", "cross");
    this.cross.append(element("div", "vertical"), element("div", "horizontal"));
    this.frame.append(this.canvas, this.note, this.cross);
    const caption = element("figcaption");
    const name = large && v >= 0 ? heat.owner(v, " ") : view.label;
    caption.append(element("span", "name", name), element("span", "title", view.title ?? ""));
    if (large) this.frame.append(this.enlargeButton(name));
    const words = view.help ?? view.title;
    caption.title = words ? `${view.label}: ${words}` : view.label;
    this.value = element("div", "value");
    this.figures = element("div", "figures");
    this.figures.title = FIGURES_TITLE;
    this.root.append(caption, this.frame, this.value, this.figures);
  }

  enlargeButton(name) {
    this.button = element("button", "enlarge");
    this.button.type = "button";
    this.setEnlarged(false, name);
    return this.button;
  }

  setEnlarged(enlarged, name = this.name) {
    this.name = name;
    this.root.classList.toggle("enlarged", enlarged);
    const words = enlarged ? "Back to all maps" : `Enlarge ${name}`;
    this.button.title = words;
    this.button.setAttribute("aria-label", words);
    this.button.setAttribute("aria-expanded", String(enlarged));
  }

  // Another painter has another number of pixels.
  take(painter) {
    this.painter = painter;
    this.canvas.width = painter.width;
    this.canvas.height = painter.height;
  }

  get isVisible() {
    return this.frame.clientWidth > 0;
  }

  draw(settings, mode, tables, pixelRatio) {
    const { heat, painter, ctx, v, c } = this;
    painter.drawPhoto(ctx);
    if (v < 0) {
      this.canvas.setAttribute("aria-label", `The picture ${heat.header.picture.name ?? ""}`.trim());
      this.write([`${heat.header.picture.width} × ${heat.header.picture.height} pixels`]);
      return;
    }
    this.canvas.setAttribute("aria-label", canvasLabel(heat, v, c, settings));
    if (heat.isEmpty(v, c)) {
      put(this.note, heat.header.empty_text ?? "No positive evidence for this class.");
      this.write(this.lines(heat, v, c, settings).slice(0, 1));
      return;
    }
    const isDifference = mode === "difference", isReference = isDifference && v === heat.reference;
    const isUnknown = mode === "error" && !heat.quality(v, c, settings);
    const minus = isDifference ? `minus ${heat.owner(heat.reference)}: red more, blue less` : "";
    put(this.note, isReference ? "reference" : isUnknown ? "no mask of this class" : minus);
    const shown = isReference || isUnknown ? "heat" : mode;
    const draw = { heat: "drawHeat", mask: "drawMask", difference: "drawDifference", error: "drawErrors" }[shown];
    painter[draw](ctx, v, c, settings, tables, pixelRatio);
    if (this.large && settings.boxes) painter.drawBoxes(ctx, v, c, settings, tables, pixelRatio);
    this.write(this.lines(heat, v, c, settings));
  }

  write(lines) {
    while (this.figures.children.length < lines.length) this.figures.append(element("div"));
    [...this.figures.children].forEach((line, k) => put(line, lines[k] ?? ""));
  }

  showCross(point, pinned, mode, scale) {
    this.cross.classList.toggle("shown", Boolean(point));
    this.cross.classList.toggle("pinned", pinned);
    this.value.classList.toggle("hint", !point);
    put(this.value, point ? this.valueAt(point, mode, scale) : this.v < 0 ? HINT : "");
    if (!point) return;
    this.cross.style.setProperty("--x", `${100 * point.x}%`);
    this.cross.style.setProperty("--y", `${100 * point.y}%`);
  }

  valueAt(point, mode, scale) {
    const { heat, v, c } = this;
    if (v >= 0) return valueText(heat, v, c, point, mode, scale);
    const { width, height } = heat.header.picture;
    const x = Math.min(width - 1, Math.floor(point.x * width)), y = Math.min(height - 1, Math.floor(point.y * height));
    return `x ${x} · y ${y}`;
  }
}

export class Row {
  constructor(heat, painter, c, large) {
    Object.assign(this, { heat, c, large });
    const { name, score } = heat.classes[c];
    this.root = element("section", "row");
    this.root.setAttribute("aria-label", name);
    const heading = element("div", "heading");
    const title = element("span", "class-name", name);
    const number = element("span", "score", Number.isFinite(score) ? fixed(score) : "");
    number.title = "Score of this class, from 0 to 1";
    this.sentence = element("p", "sentence");
    heading.append(title, number, this.sentence);
    this.panels = [-1, ...heat.views.keys()].map((v) => new Panel(heat, painter, v, c, large));
    this.legend = new Legend();
    const grid = element("div", "panels");
    grid.style.setProperty("--count", this.panels.length);
    grid.style.setProperty("--ratio", heat.header.picture.width / heat.header.picture.height);
    grid.append(...this.panels.map((panel) => panel.root));
    (large ? heading : grid).append(this.legend.root);
    this.root.append(heading, grid);
  }

  draw(settings, mode, tables, pixelRatio) {
    const judged = this.large ? verdict(this.heat, this.c, settings) : "";
    put(this.sentence, judged || rowSentence(this.heat, this.c, settings));
    const isUnknown = mode === "error" && this.heat.views.every((_, v) => !this.heat.quality(v, this.c, settings));
    this.legend.show(this.heat, settings, isUnknown ? "heat" : mode, tables, this.large, this.c);
    for (const panel of this.panels) panel.draw(settings, mode, tables, pixelRatio);
  }
}

// Stands where the panels will be, at their size, until the first payload is here.
export function skeleton(shape) {
  const { width = 4, height = 3, classes = 1, views = 5, pair = 2 } = shape ?? {};
  return Array.from({ length: classes }, () => {
    const row = element("section", "row skeleton");
    const grid = element("div", "panels");
    grid.style.setProperty("--count", views + 1);
    grid.style.setProperty("--ratio", width / height);
    for (let k = 0; k <= views; k++) {
      const frame = element("div", "frame");
      frame.style.aspectRatio = `${width} / ${height}`;
      const panel = element("div", `panel${k > 0 && k <= pair ? " pair" : ""}`);
      panel.append(element("figcaption"), frame, element("div", "value"), element("div", "figures"));
      grid.append(panel);
    }
    grid.append(element("div", "legend"));
    row.append(element("div", "heading"), grid);
    return row;
  });
}
