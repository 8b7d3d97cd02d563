// The heat view's control bar. It knows settings and words, and nothing of maps.

import { put } from "./dom.js";
import { Fields } from "./fields.js";
import { fixed, percent } from "./words.js";

export const MODES = [
  ["heat", "Heat", "Each map in colour over the picture, the threshold as a line"],
  ["mask", "Mask", "What lies above the threshold; the rest is dimmed"],
  ["difference", "Difference", "Each view minus the reference view"],
  ["error", "Error", "The area above the threshold against the known mask"],
];
export const SCALES = [
  ["each", "each class by itself", "Every map ends at 1.00"],
  ["together", "classes of a readout together", "Maps of one readout share a scale, so a weak class stays weak"],
];
const GROWTH = [
  ["flat", "flat", "The same opacity everywhere"],
  ["grow", "grows with value", "Low values let the picture through"],
];

export class Controls extends Fields {
  constructor(settings, palettes, onInput, onChange) {
    super(settings, onInput, onChange);
    this.threshold = this.slider("threshold", "Background threshold",
      "Values at or below it count as background. The line in each map runs along it.");
    this.opacity = this.slider("opacity", "Opacity", "How strongly the colours cover the picture");
    this.rest.append(
      this.choice("mode", "View", MODES),
      this.opacity.root,
      this.choice("grow", "Opacity is", GROWTH, (value) => (value ? "grow" : "flat"), (word) => word === "grow"),
      this.select("palette", "Palette", palettes),
      this.choice("scale", "Scale", SCALES),
    );
    this.root.append(this.threshold.root, this.moreButton(), this.rest);
    this.showNumbers();
  }

  // Some choices make sense only with a mask, or with more than one class or view.
  offer(heat) {
    this.root.classList.toggle("no-error", !heat.hasErrors);
    this.root.classList.toggle("one-class", heat.classes.length < 2);
    this.root.classList.toggle("one-view", heat.views.length < 2);
    const lacking = { error: !heat.hasErrors, difference: heat.views.length < 2 };
    if (!lacking[this.settings.mode]) return;
    this.root.querySelector('input[name="mode"][value="heat"]').checked = true; // nothing to err against, or to subtract
    this.set("mode", "heat", true);
  }

  lead(threshold) {
    this.settings.threshold = threshold;
    this.threshold.input.value = threshold;
    this.showNumbers();
  }

  showNumbers() {
    put(this.threshold.number, fixed(this.settings.threshold));
    put(this.opacity.number, percent(this.settings.opacity));
  }
}
