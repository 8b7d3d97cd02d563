// One layer of a frame: bytes on a small grid, and how each kind is painted. Values are interpolated before they are coloured.

import { colourAt, packColours } from "../heatview/colours.js";
import { strokeOutline, trace } from "../heatview/contour.js";
import { clamp } from "../heatview/dom.js";

const FINE = 160; // cells along the long side that a heat layer is brought to

export class Layer {
  constructor([rows, columns, channels = 1], bytes, peak, most, note) {
    Object.assign(this, { rows, columns, channels, bytes, peak, most, note });
  }

  get isEmpty() {
    return !(this.peak > 0);
  }

  // The map between cell centres, in units of its scale, as the engine resizes it: {rows, columns, values}.
  get fine() {
    this.refined ??= this.refine(Math.max(1, Math.round(FINE / Math.max(this.rows, this.columns))));
    return this.refined;
  }

  refine(times) {
    const rows = this.rows * times, columns = this.columns * times;
    const values = new Float32Array(rows * columns);
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++) values[j * columns + i] = this.value((i + 0.5) / columns, (j + 0.5) / rows);
    }
    return { rows, columns, values };
  }

  value(x, y) {
    const column = clamp(x * this.columns - 0.5, 0, this.columns - 1), row = clamp(y * this.rows - 0.5, 0, this.rows - 1);
    const left = Math.floor(column), top = Math.floor(row);
    const right = Math.min(left + 1, this.columns - 1), bottom = Math.min(top + 1, this.rows - 1);
    const mix = (a, b, t) => a + (b - a) * t;
    const at = (j) => mix(this.bytes[j * this.columns + left], this.bytes[j * this.columns + right], column - left);
    return (mix(at(top), at(bottom), row - top) / 255) * this.peak;
  }

  // The cell itself: a number, or three with their signs.
  cell(x, y) {
    const i = Math.min(this.columns - 1, Math.floor(x * this.columns)), j = Math.min(this.rows - 1, Math.floor(y * this.rows));
    const start = (j * this.columns + i) * this.channels;
    if (this.channels === 1) return this.bytes[start];
    return [...this.bytes.subarray(start, start + 3)].map((byte) => this.signed(byte));
  }

  signed(byte) {
    return ((byte - 128) / 127) * this.peak;
  }

  share() {
    return this.bytes.reduce((count, byte) => count + (byte > 0), 0) / this.bytes.length;
  }
}

// Paints layers into contexts of one size, over a photo.
export class Brush {
  constructor(bitmap, { width, height }) {
    const scale = Math.min(500 / width, 700 / height); // backing size is fixed, CSS fits it to the page
    this.width = Math.max(1, Math.round(width * scale));
    this.height = Math.max(1, Math.round(height * scale));
    this.photo = new OffscreenCanvas(this.width, this.height);
    const ctx = this.photo.getContext("2d");
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(bitmap, 0, 0, this.width, this.height);
  }

  drawPhoto(ctx) {
    ctx.drawImage(this.photo, 0, 0);
  }

  fill(ctx, rows, columns, smooth, colourOf) {
    const image = new ImageData(columns, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colourOf(i);
    const cells = new OffscreenCanvas(columns, rows);
    cells.getContext("2d").putImageData(image, 0, 0);
    ctx.imageSmoothingEnabled = smooth;
    ctx.imageSmoothingQuality = "medium";
    ctx.drawImage(cells, 0, 0, this.width, this.height);
  }

  heat(ctx, layer, settings, table, pixelRatio) {
    this.drawPhoto(ctx);
    if (layer.isEmpty) return;
    const { rows, columns, values } = layer.fine;
    const colours = packColours(table, settings.opacity, (i) => (settings.grow ? i / 255 : 1));
    this.fill(ctx, rows, columns, true, (i) => colours[Math.min(255, Math.round(255 * values[i]))]);
    const level = Math.max(settings.threshold, layer.peak / 510);
    strokeOutline(ctx, trace(values, columns, rows, level, this.width, this.height).line, pixelRatio);
  }

  signed(ctx, layer, settings) {
    const { rows, columns, bytes } = layer;
    const grey = (byte) => clamp(Math.round(128 + settings.gain * layer.signed(byte)), 0, 255);
    const pack = (i) => ((255 << 24) | (grey(bytes[i + 2]) << 16) | (grey(bytes[i + 1]) << 8) | grey(bytes[i])) >>> 0;
    this.fill(ctx, rows, columns, false, (i) => pack(3 * i));
  }

  mask(ctx, layer, settings, table) {
    this.drawPhoto(ctx);
    const [held, free] = packed(colourAt(table, HELD_INDEX), 0.45, [10, 12, 20], 0.66);
    this.fill(ctx, layer.rows, layer.columns, false, (i) => (layer.bytes[i] ? held : free));
  }

  // What exceeds the threshold, as a mask.
  above(ctx, layer, settings, table) {
    this.drawPhoto(ctx);
    const { rows, columns, values } = layer.fine;
    const [inside, outside] = packed(colourAt(table, HELD_INDEX), 0.45, [10, 12, 20], 0.66);
    this.fill(ctx, rows, columns, false, (i) => (values[i] > settings.threshold ? inside : outside));
  }
}

const HELD_INDEX = 200; // the colour of a mask is the palette's colour of a high value

function packed(...pairs) {
  const result = [];
  for (let k = 0; k < pairs.length; k += 2) {
    const [red, green, blue] = pairs[k];
    result.push(((Math.round(255 * pairs[k + 1]) << 24) | (blue << 16) | (green << 8) | red) >>> 0);
  }
  return result;
}
