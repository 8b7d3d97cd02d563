// Colour tables: 256 × 3 bytes from Python, the same that the engine's still pictures use.

import { must } from "./payload.js";

export const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

export function decodeTable(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  must(bytes.length === 768, `a colour table should have 768 bytes, got ${bytes.length}`);
  return bytes;
}

export const colourAt = (table, index) => [table[3 * index], table[3 * index + 1], table[3 * index + 2]];

// Packed RGBA for every index; `strength(index)` in 0…1 says how far opacity counts there.
export function packColours(table, opacity, strength) {
  const packed = new Uint32Array(256);
  const bytes = new Uint8Array(packed.buffer);
  for (let i = 0; i < 256; i++) {
    bytes.set(table.subarray(3 * i, 3 * i + 3), 4 * i);
    bytes[4 * i + 3] = Math.round(255 * opacity * strength(i));
  }
  return packed;
}

export function heatColours(table, { opacity, grow }, factor) {
  const at = (i) => Math.round(i * factor);
  const scaled = new Uint8Array(768);
  for (let i = 0; i < 256; i++) scaled.set(colourAt(table, at(i)), 3 * i);
  return packColours(scaled, opacity, (i) => (grow ? at(i) / 255 : 1));
}

export function differenceColours(table, { opacity, grow }) {
  return packColours(table, opacity, (i) => (grow ? Math.abs(i - 127.5) / 127.5 : 1));
}

export function gradient(table, steps = 32) {
  const colours = [];
  for (let i = 0; i <= steps; i++) colours.push(css(colourAt(table, Math.round((255 * i) / steps))));
  return colours.join(", ");
}
