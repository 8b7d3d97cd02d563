// The numbers of one payload: maps, areas, errors. Knows nothing of canvases or controls.
// v counts views, c counts classes; x and y are fractions of the picture.

import { clamp } from "./dom.js";

export class Heat {
  constructor({ header, blobs }) {
    this.header = header;
    this.views = header.views;
    this.classes = header.classes;
    [this.rows, this.columns] = header.grid;
    this.maps = blobs.maps;
    this.mask = blobs.mask ?? null;
    this.reference = Math.max(0, this.views.findIndex((view) => view.reference));
    const named = this.views.findIndex((view) => view.key === header.compare);
    this.compared = named >= 0 ? named : this.views.length - 1;
  }

  // Whose map a view is, in a sentence and over the map: ReCAM’s w, ReCAM w.
  owner(v, between = "’s ") {
    const { family, label } = this.views[v];
    return family ? `${family}${between}${label}` : label;
  }

  get hasErrors() {
    return Boolean(this.mask && this.header.quality);
  }

  grid(v, c) {
    const cells = this.rows * this.columns;
    const start = (v * this.classes.length + c) * cells;
    return this.maps.subarray(start, start + cells);
  }

  peak(v, c) {
    return this.header.peaks[v][c];
  }

  isEmpty(v, c) {
    return !(this.peak(v, c) > 0);
  }

  // What a stored map is multiplied by: its peak over the readout's largest, or 1.
  factor(v, c, scale) {
    if (this.isEmpty(v, c)) return 0;
    return scale === "together" ? this.peak(v, c) / Math.max(...this.header.peaks[v]) : 1;
  }

  // Whether maps bring thresholds of their own; without them one holds for all.
  get hasRules() {
    return this.views.every((view) => Number.isFinite(view.threshold)) && Boolean(this.header.otsu);
  }

  // Where a map is cut. Only a threshold that is the same for all knows scales; the other rules look at a map by itself.
  cut(v, c, { rule, threshold, area, scale }) {
    if (!this.hasRules || rule === "same") return { threshold, scale };
    const rules = {
      measured: () => this.views[v].threshold,
      otsu: () => this.header.otsu[v][c],
      area: () => this.areaThreshold(this.header.covered.each[v][c], area),
    };
    return { threshold: rules[rule](), scale: "each" };
  }

  // The lowest step above which at most such a share of the picture lies.
  areaThreshold(covered, area) {
    return covered.findIndex((share) => share <= area + 1e-9) / (this.header.thresholds - 1);
  }

  // The threshold in the units of the stored bytes; at 0 any non-zero byte is above it.
  level(v, c, settings) {
    const { threshold, scale } = this.cut(v, c, settings);
    const factor = this.factor(v, c, scale);
    return factor > 0 ? Math.max((255 * threshold) / factor, 0.5) : Infinity;
  }

  step(threshold) {
    return Math.round(threshold * (this.header.thresholds - 1));
  }

  covered(v, c, settings) {
    const { threshold, scale } = this.cut(v, c, settings);
    return this.header.covered[scale][v][c][this.step(threshold)];
  }

  quality(v, c, settings) {
    const { threshold, scale } = this.cut(v, c, settings);
    const curves = this.header.quality?.[scale][v][c];
    if (!curves) return null;
    const at = this.step(threshold);
    const best = curves.best;
    return { iou: curves.iou[at], fn: curves.fn[at], fp: curves.fp[at], best, bestIou: curves.iou[this.step(best)] };
  }

  // At the middle of the picture's pixel, which is the one that the table of exact values is about; bilinear between cell
  // centres, as the canvas scales.
  value(v, c, x, y, scale) {
    const grid = this.grid(v, c), { width, height } = this.header.picture;
    const middle = (share, pixels) => (Math.min(pixels - 1, Math.floor(share * pixels)) + 0.5) / pixels;
    const column = clamp(middle(x, width) * this.columns - 0.5, 0, this.columns - 1);
    const row = clamp(middle(y, height) * this.rows - 0.5, 0, this.rows - 1);
    const left = Math.floor(column), top = Math.floor(row);
    const right = Math.min(left + 1, this.columns - 1), bottom = Math.min(top + 1, this.rows - 1);
    const mix = (a, b, t) => a + (b - a) * t;
    const at = (j) => mix(grid[j * this.columns + left], grid[j * this.columns + right], column - left);
    return (mix(at(top), at(bottom), row - top) / 255) * this.factor(v, c, scale);
  }

  maskAt(c, x, y) {
    const { width, height } = this.header.picture;
    const column = Math.min(width - 1, Math.floor(x * width)), row = Math.min(height - 1, Math.floor(y * height));
    return this.mask[(c * height + row) * width + column];
  }

  // The cells which view `to` has above the threshold and view `from` has not: their share of the picture, and in
  // which of eight directions from the reference's peak most of them lie ("around" where none has the majority).
  gained(from, to, c, settings) {
    const before = this.grid(from, c), after = this.grid(to, c);
    const low = this.level(from, c, settings), high = this.level(to, c, settings);
    const cells = [];
    for (let i = 0; i < after.length; i++) if (after[i] > high && !(before[i] > low)) cells.push(i);
    return { share: cells.length / after.length, where: cells.length ? this.direction(cells, c) : "" };
  }

  direction(cells, c) {
    const reference = this.grid(this.reference, c);
    const peak = this.isEmpty(this.reference, c) ? -1 : reference.indexOf(Math.max(...reference));
    if (peak < 0) return "";
    const { width, height } = this.header.picture;
    const side = Math.max(width, height);
    const stepX = width / side / this.columns, stepY = height / side / this.rows;
    const peakX = peak % this.columns, peakY = Math.floor(peak / this.columns);
    const x = (i) => ((i % this.columns) - peakX) * stepX, y = (i) => (Math.floor(i / this.columns) - peakY) * stepY;
    let dx = 0, dy = 0, along = 0;
    for (const i of cells) {
      dx += x(i) / cells.length;
      dy += y(i) / cells.length;
    }
    if (Math.hypot(dx, dy) < NEAR) return "around";
    const octant = (Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) + 8) % 8;
    const ux = Math.cos((octant * Math.PI) / 4), uy = Math.sin((octant * Math.PI) / 4);
    for (const i of cells) along += x(i) * ux + y(i) * uy > 0;
    return along > cells.length / 2 ? DIRECTIONS[octant] : "around";
  }
}

const NEAR = 0.08; // of the picture's longer side
const DIRECTIONS = [
  "right of", "below and right of", "below", "below and left of", "left of", "above and left of", "above", "above and right of",
];
