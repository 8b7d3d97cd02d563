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
export const RULES = [
  ["measured", "measured", "Each map at the threshold that the model’s card has for this view, else at the reference’s 0.21"],
  ["same", "same for all", "One threshold for all maps: the slider"],
  ["area", "by area", "Each map where it covers the same share of the picture: the slider"],
  ["otsu", "Otsu", "Each map where Otsu’s method parts its values into two groups"],
];
export const MAPS = [
  ["two", "two", "CAM, and the readout of ReCAM that was measured best"],
  ["all", "all", "The picture and every map"],
];
const GROWTH = [
  ["flat", "flat", "The same opacity everywhere"],
  ["grow", "grows with value", "Low values let the picture through"],
];

export class Controls extends Fields {
  constructor(settings, palettes, large, onInput, onChange) {
    super(settings, onInput, onChange);
    this.large = large;
    this.ruled = large; // until maps come that are all cut at the slider's threshold
    this.threshold = this.slider("threshold", "Background threshold",
      "Values at or below it count as background. The line in each map runs along it.");
    this.opacity = this.slider("opacity", "Opacity", "How strongly the colours cover the picture");
    const view = this.choice("mode", "View", MODES);
    this.rest.append(
      ...(large ? [] : [view]),
      this.opacity.root,
      this.choice("grow", "Opacity is", GROWTH, (value) => (value ? "grow" : "flat"), (word) => word === "grow"),
      this.select("palette", "Palette", palettes),
      this.choice("scale", "Scale", SCALES),
    );
    if (large) {
      this.rest.append(this.toggle("boxes", "Boxes", "Frames around what lies above the threshold"));
      this.root.append(
        this.choice("maps", "Maps", MAPS), this.choice("rule", "Threshold", RULES), this.threshold.root, view,
        this.toggle("numbers", "Numbers", "More figures under each map"), this.moreButton(), this.rest,
      );
    } else {
      this.root.append(this.threshold.root, this.moreButton(), this.rest);
    }
    this.showNumbers();
  }

  // The slider is the threshold of all maps, or the area: whoever moves it while each map has its own wants one for all.
  set(name, value, done) {
    const { settings } = this;
    if (name !== "threshold" || !this.ruled || settings.rule === "same") return super.set(name, value, done);
    if (settings.rule === "area") return super.set("area", value, done);
    settings.rule = "same";
    this.root.querySelector('input[name="rule"][value="same"]').checked = true;
    return super.set(name, value, done);
  }

  // Some choices make sense only with a mask, or with more than one class or view.
  offer(heats) {
    const [first] = heats, hasErrors = heats.some((heat) => heat.hasErrors);
    this.root.classList.toggle("no-error", !hasErrors);
    this.root.classList.toggle("one-class", first.classes.length < 2);
    this.root.classList.toggle("one-view", first.views.length < 2);
    this.root.classList.toggle("few-views", first.views.length < 3);
    this.root.classList.toggle("no-rules", !first.hasRules);
    this.ruled = this.large && first.hasRules;
    this.showNumbers();
    const lacking = { error: !hasErrors, difference: first.views.length < 2 };
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
    const { rule, area, threshold } = this.settings;
    const number = { measured: "each its own", otsu: "each its own", area: percent(area) };
    if (this.large) this.threshold.input.value = this.ruled && rule === "area" ? area : threshold;
    put(this.threshold.number, (this.ruled && number[rule]) || fixed(threshold));
    put(this.opacity.number, percent(this.settings.opacity));
  }
}
