// Draws one panel into one canvas context. Maps are coloured at their own small grid and scaled up by the canvas.

import { colourAt, css, differenceColours, heatColours } from "./colours.js";
import { strokeOutline, trace } from "./contour.js";
import { regions } from "./regions.js";

export class Painter {
  // Backing size is fixed, ``side`` pixels wide or a little more high; CSS fits it to the page.
  constructor(heat, bitmap, outcomes, side = 500) {
    Object.assign(this, { heat, bitmap, outcomes });
    const { width, height } = heat.header.picture;
    const scale = Math.min(side / width, (1.4 * side) / height);
    this.width = Math.max(1, Math.round(width * scale));
    this.height = Math.max(1, Math.round(height * scale));
    this.photo = this.layer((ctx) => {
      ctx.imageSmoothingQuality = "high";
      ctx.drawImage(bitmap, 0, 0, this.width, this.height);
    });
    this.grey = this.layer((ctx) => {
      ctx.drawImage(this.photo, 0, 0);
      ctx.globalCompositeOperation = "saturation"; // of a colour that has none; keeps the luma
      ctx.fillStyle = "black";
      ctx.fillRect(0, 0, this.width, this.height);
    });
    this.cells = new OffscreenCanvas(heat.columns, heat.rows);
    this.image = new ImageData(heat.columns, heat.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.truths = heat.hasErrors ? heat.classes.map((_, c) => this.truth(c, outcomes)) : [];
  }

  // The same picture with more pixels.
  sharper(side) {
    return new Painter(this.heat, this.bitmap, this.outcomes, side);
  }

  layer(paint) {
    const canvas = new OffscreenCanvas(this.width, this.height);
    paint(canvas.getContext("2d"));
    return canvas;
  }

  drawPhoto(ctx) {
    ctx.drawImage(this.photo, 0, 0);
  }

  trace(v, c, settings) {
    const { heat } = this;
    return trace(heat.grid(v, c), heat.columns, heat.rows, heat.level(v, c, settings), this.width, this.height);
  }

  fillCells(ctx, colourOf) {
    for (let i = 0; i < this.pixels.length; i++) this.pixels[i] = colourOf(i);
    this.cells.getContext("2d").putImageData(this.image, 0, 0);
    ctx.imageSmoothingEnabled = true;
    ctx.imageSmoothingQuality = "medium";
    ctx.drawImage(this.cells, 0, 0, this.width, this.height);
  }

  drawHeat(ctx, v, c, settings, tables, pixelRatio) {
    const grid = this.heat.grid(v, c);
    const colours = heatColours(tables.heat, settings, this.heat.factor(v, c, settings.scale));
    this.fillCells(ctx, (i) => colours[grid[i]]);
    strokeOutline(ctx, this.trace(v, c, settings).line, pixelRatio);
  }

  drawDifference(ctx, v, c, settings, tables) {
    const { heat } = this;
    const here = heat.grid(v, c), there = heat.grid(heat.reference, c);
    const gain = heat.factor(v, c, settings.scale) / 2, loss = heat.factor(heat.reference, c, settings.scale) / 2;
    const colours = differenceColours(tables.diverging, settings);
    ctx.drawImage(this.grey, 0, 0); // so that only data has colour
    this.fillCells(ctx, (i) => colours[Math.round(127.5 + here[i] * gain - there[i] * loss)]);
  }

  drawMask(ctx, v, c, settings, tables, pixelRatio) {
    const { line, area } = this.trace(v, c, settings);
    ctx.fillStyle = "rgb(0 0 0 / 0.6)";
    ctx.fillRect(0, 0, this.width, this.height);
    this.inside(ctx, area, () => {
      this.drawPhoto(ctx);
      ctx.fillStyle = css(colourAt(tables.heat, MASK_INDEX), settings.opacity);
      ctx.fillRect(0, 0, this.width, this.height);
    });
    strokeOutline(ctx, line, pixelRatio);
  }

  drawErrors(ctx, v, c, settings, tables, pixelRatio) {
    const { line, area } = this.trace(v, c, settings);
    const { above, below } = this.truths[c];
    const paint = (layer) => {
      this.drawPhoto(ctx);
      ctx.globalAlpha = settings.opacity;
      ctx.drawImage(layer, 0, 0);
      ctx.globalAlpha = 1;
    };
    paint(below);
    this.inside(ctx, area, () => paint(above));
    strokeOutline(ctx, line, pixelRatio);
  }

  inside(ctx, area, paint) {
    ctx.save();
    ctx.clip(area);
    paint();
    ctx.restore();
  }

  // Frames around what is above the threshold, each region by itself.
  drawBoxes(ctx, v, c, settings, tables, pixelRatio) {
    const { heat } = this;
    const stepX = this.width / heat.columns, stepY = this.height / heat.rows;
    for (const [x, y, width, height] of regions(heat.grid(v, c), heat.columns, heat.rows, heat.level(v, c, settings))) {
      for (const [colour, line] of [["rgb(0 0 0 / 0.6)", 4], [css(BOX), 2]]) {
        ctx.strokeStyle = colour;
        ctx.lineWidth = line * pixelRatio;
        ctx.strokeRect(x * stepX, y * stepY, width * stepX, height * stepY);
      }
    }
  }

  // What a class's known mask makes of pixels above the threshold and of pixels below it.
  truth(c, { hit, wrong, missed }) {
    const { width, height } = this.heat.header.picture;
    const mask = this.heat.mask.subarray(c * width * height, (c + 1) * width * height);
    const hatch = (column, row) => ((column + row) % 8 < 3 ? [120, 120, 120, 255] : [200, 200, 200, 110]);
    const layer = (object, background) => {
      const image = new ImageData(width, height);
      for (let i = 0; i < mask.length; i++) {
        const ignored = mask[i] > 1;
        image.data.set(ignored ? hatch(i % width, Math.floor(i / width)) : mask[i] ? object : background, 4 * i);
      }
      const full = new OffscreenCanvas(width, height);
      full.getContext("2d").putImageData(image, 0, 0);
      return this.layer((ctx) => ctx.drawImage(full, 0, 0, this.width, this.height));
    };
    const nothing = [0, 0, 0, 0];
    return { above: layer([...hit, 255], [...wrong, 255]), below: layer([...missed, 255], nothing) };
  }
}

const BOX = [255, 90, 95];
export const MASK_INDEX = 200; // the colour of a mask is the palette's colour of a high value
