// What the colours mean, beside each row: a colour bar with ticks, or words with swatches.

import { colourAt, css, gradient } from "./colours.js";
import { element } from "./dom.js";
import { MASK_INDEX } from "./draw.js";
import { MINUS, fixed } from "./words.js";

export class Legend {
  constructor() {
    this.root = element("div", "legend");
  }

  show(heat, settings, mode, tables) {
    const unit = settings.scale === "together" ? "1.0 is the readout’s largest peak" : "1.0 is each map’s own peak";
    const reference = heat.views[heat.reference].label;
    const heatBar = (ticks) => this.bar(tables.heat, ticks, unit, settings.threshold);
    const differenceBar = () => this.bar(tables.diverging, [`${MINUS}1`, "0", "+1"], `view ${MINUS} ${reference}`);
    const words = {
      mask: () => [
        this.swatch("above", css(colourAt(tables.heat, MASK_INDEX)), `above ${fixed(settings.threshold)}`),
        this.swatch("below", "rgb(0 0 0 / 0.6)", "below, dimmed"),
      ],
      error: () => [
        this.swatch("found", css(tables.outcomes.found), "found"),
        this.swatch("wrong", css(tables.outcomes.wrong), "wrong"),
        this.swatch("missed", css(tables.outcomes.missed), "missed"),
        this.swatch("ignored", "", "not counted"),
      ],
      difference: () => [differenceBar(), heatBar(["0.0", "0.5", "1.0"])],
      heat: () => [heatBar(["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])],
    };
    this.root.className = `legend ${mode}`;
    this.root.replaceChildren(...words[mode]());
  }

  bar(table, ticks, unit, threshold = null) {
    const root = element("div", "bar");
    const ramp = element("div", "ramp");
    ramp.style.setProperty("--ramp", gradient(table));
    if (threshold !== null) {
      const mark = element("div", "mark");
      mark.style.setProperty("--at", threshold);
      ramp.append(mark);
    }
    const scale = element("div", "ticks");
    ticks.forEach((text, k) => {
      const tick = element("span", "tick", text);
      tick.style.setProperty("--at", k / (ticks.length - 1));
      scale.append(tick);
    });
    root.append(ramp, scale, element("div", "unit", unit));
    return root;
  }

  swatch(name, colour, text) {
    const root = element("div", `swatch ${name}`);
    const box = element("span", "box");
    if (colour) box.style.background = colour;
    root.append(box, element("span", "", text));
    return root;
  }
}
