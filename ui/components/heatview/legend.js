// What the colours mean, beside each row: a colour bar with ticks, or words with swatches.

import { colourAt, css, gradient } from "./colours.js";
import { element } from "./dom.js";
import { MASK_INDEX } from "./draw.js";
import { MINUS, fixed } from "./words.js";

export class Legend {
  constructor() {
    this.root = element("div", "legend");
  }

  // Marks stand where maps are cut: each at its own threshold, or all at one.
  show(heat, settings, mode, tables, large, c) {
    const cuts = heat.views.map((_, v) => heat.cut(v, c, settings).threshold);
    const marks = large ? [...new Set([heat.reference, heat.compared].map((v) => cuts[v]))] : [settings.threshold];
    const unit = settings.scale === "together" ? "1.0 is the readout’s largest peak" : "1.0 is each map’s own peak";
    const reference = heat.views[heat.reference].label;
    const heatBar = (ticks) => this.bar(tables.heat, ticks, unit, marks);
    const differenceBar = () => this.bar(tables.diverging, [`${MINUS}1`, "0", "+1"], `view ${MINUS} ${reference}`);
    const words = {
      mask: () => [
        this.swatch("above", css(colourAt(tables.heat, MASK_INDEX)), `above ${marks.map(fixed).join(" and ")}`),
        this.swatch("below", "rgb(0 0 0 / 0.6)", "below, dimmed"),
      ],
      error: () => [
        this.swatch("hit", css(tables.outcomes.hit), "found"),
        this.swatch("wrong", css(tables.outcomes.wrong), "wrong"),
        this.swatch("missed", css(tables.outcomes.missed), "missed"),
        this.swatch("ignored", "", "not counted"),
      ],
      difference: () => (large ? [differenceBar()] : [differenceBar(), heatBar(["0.0", "0.5", "1.0"])]),
      heat: () => [heatBar(large ? ["0", "0.5", "1"] : ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])],
    };
    this.root.className = `legend ${mode}`;
    this.root.replaceChildren(...words[mode]());
  }

  bar(table, ticks, unit, marks = []) {
    const root = element("div", "bar");
    const ramp = element("div", "ramp");
    ramp.style.setProperty("--ramp", gradient(table));
    for (const at of marks) {
      const mark = element("div", "mark");
      mark.style.setProperty("--at", at);
      ramp.append(mark);
    }
    const scale = element("div", "ticks");
    ticks.forEach((text, k) => {
      const tick = element("span", "tick", text);
      tick.style.setProperty("--at", k / (ticks.length - 1));
      scale.append(tick);
    });
    root.title = unit;
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
