// Ties data, drawing, controls and cross-hair together: one HeatView per place in the page.

import { decodeTable } from "./colours.js";
import { Controls, MAPS, MODES, RULES, SCALES } from "./controls.js";
import { Crosshair } from "./crosshair.js";
import { clamp, element, mounted, put } from "./dom.js";
import { Painter } from "./draw.js";
import { forwardFiles } from "./files.js";
import { Heat } from "./heat.js";
import { Loader } from "./loader.js";
import { Row, skeleton } from "./panels.js";

class HeatView {
  constructor(parent, data) {
    this.tables = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, decodeTable(text)]));
    this.diverging = decodeTable(data.diverging);
    this.outcomes = data.outcomes;
    this.settings = this.checked(data.initial);
    this.large = data.large;
    this.rows = [];
    this.heats = [];
    this.bitmaps = [];
    this.loaders = [];
    this.controls = new Controls(this.settings, this.paletteNames(), this.large, () => this.askForDrawing(), () => this.reportSettings());
    this.crosshair = new Crosshair(() => this.showCross(), (spot) => this.report("pick", spot));
    this.message = element("div", "message");
    this.message.setAttribute("role", "status");
    this.stage = element("div", "stage");
    this.stage.append(...skeleton(data.shape));
    this.spoken = element("div", "spoken");
    this.spoken.setAttribute("aria-live", "polite");
    this.root = element("div", `heatview${this.large ? " large" : ""}`);
    this.root.onkeydown = (event) => {
      if (event.key !== "Escape" || !this.enlarged) return;
      event.preventDefault();
      this.enlarge(this.enlarged);
    };
    this.root.append(this.message, this.stage, this.controls.root, this.spoken);
    parent.append(this.root);
    this.arrange();
    this.sizes = new ResizeObserver(() => this.rows.length && this.measure() && this.askForDrawing());
    this.sizes.observe(this.stage);
    this.stopFiles = data.uploader ? forwardFiles(data.uploader) : () => {};
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    this.follow(data.follow);
    const wanted = [{ id: data.id, url: data.url }, ...(data.more ?? [])];
    if (wanted.map(({ id }) => id).join() === this.wanted) return;
    this.wanted = wanted.map(({ id }) => id).join();
    this.stage.classList.add("waiting");
    this.say("loading…");
    this.load(wanted);
  }

  // Fetches all pictures, and shows them when the last has come.
  load(wanted) {
    for (const loader of this.loaders) loader.stop();
    const parts = wanted.map(() => null);
    this.loaders = wanted.map(({ id, url }, k) => {
      const loader = new Loader({
        onPayload: (payload, bitmap) => {
          parts[k] = { heat: new Heat(payload), bitmap };
          if (parts.every(Boolean)) this.show(parts);
        },
        onProblem: (sentence) => this.say(sentence),
        onExpired: (lost) => this.report("expired", lost),
      });
      loader.load(id, url);
      return loader;
    });
  }

  // A threshold that Python leads is taken over when it changes there, not when somebody changes it here.
  follow(threshold) {
    if (!Number.isFinite(threshold) || threshold === this.led) return;
    this.root.classList.add("led"); // the page has the slider
    this.led = threshold;
    this.controls.lead(clamp(threshold, 0, 1));
    this.askForDrawing();
  }

  say(sentence) {
    put(this.message, sentence);
  }

  paletteNames() {
    const names = Object.keys(this.tables);
    return [...names.filter((name) => name !== "paper"), ...names.filter((name) => name === "paper")];
  }

  checked(initial) {
    const one = (value, allowed) => (allowed.includes(value) ? value : allowed[0]);
    const fraction = (value, otherwise) => (Number.isFinite(value) ? clamp(value, 0, 1) : otherwise);
    return {
      threshold: fraction(initial.threshold, 0.3),
      opacity: fraction(initial.opacity, 0.6),
      palette: one(initial.palette, Object.keys(this.tables)),
      area: fraction(initial.area, 0.2),
      rule: one(initial.rule, RULES.map(([word]) => word)),
      maps: one(initial.maps, MAPS.map(([word]) => word)),
      boxes: initial.boxes === true,
      numbers: initial.numbers === true,
      mode: one(initial.mode, MODES.map(([word]) => word)),
      scale: one(initial.scale, SCALES.map(([word]) => word)),
      grow: initial.grow === true,
    };
  }

  show(parts) {
    const pictures = (heats) => JSON.stringify(heats.map((heat) => heat.header.picture));
    const samePicture = pictures(this.heats) === pictures(parts.map(({ heat }) => heat));
    const pointed = samePicture ? Math.max(0, this.heats.indexOf(this.pointed)) : 0;
    this.close();
    this.heats = parts.map(({ heat }) => heat);
    this.pointed = this.heats[pointed]; // the picture that the cross is on
    this.bitmaps = parts.map(({ bitmap }) => bitmap);
    this.enlarged = null;
    this.root.classList.toggle("many", parts.length > 1);
    const side = this.large && parts.length === 1 ? 720 : 500;
    this.rows = parts.flatMap(({ heat, bitmap }) => {
      const painter = new Painter(heat, bitmap, this.outcomes, side);
      return heat.classes.map((_, c) => new Row(heat, painter, c, this.large));
    });
    for (const panel of this.rows.flatMap((row) => row.panels)) this.attach(panel);
    this.root.classList.remove("alone");
    this.stage.replaceChildren(...this.rows.map((row) => row.root));
    this.stage.classList.remove("waiting");
    this.say("");
    this.controls.offer(this.heats);
    this.measure();
    this.draw();
    if (samePicture) this.showCross();
    else this.crosshair.moveTo(null, false);
  }

  attach(panel) {
    const { heat, canvas } = panel;
    this.crosshair.attach(panel, panel.key === (this.large ? heat.views[heat.reference].key : "picture"));
    for (const kind of ["pointermove", "pointerdown", "focus"]) canvas.addEventListener(kind, () => (this.pointed = heat), true);
    if (this.large) panel.button.onclick = canvas.ondblclick = () => this.enlarge(panel);
  }

  // What is shown of the panels; the style sheet does the rest. Tells whether anything changed.
  arrange() {
    if (!this.large) return false;
    const { maps, numbers } = this.settings, before = this.root.className;
    this.root.classList.toggle("two", maps === "two");
    this.root.classList.toggle("numbers", numbers);
    return this.root.className !== before;
  }

  // One map as large as the window allows, with more pixels; again, and all are back.
  enlarge(panel) {
    const before = this.enlarged;
    if (before) {
      before.setEnlarged(false);
      before.take(before.usual);
    }
    this.enlarged = before === panel ? null : panel;
    this.root.classList.toggle("alone", Boolean(this.enlarged));
    if (this.enlarged) {
      panel.usual = panel.painter;
      panel.setEnlarged(true);
      panel.take(panel.painter.sharper(1400));
      panel.root.scrollIntoView({ block: "nearest" });
      panel.button.focus({ preventScroll: true }); // for Escape: not every browser does it at a click
    }
    this.measure();
    this.draw();
  }

  // Canvas pixels per CSS pixel, so that lines keep their width; measured apart from drawing, which must not wait for
  // layout. A hidden tab has no width yet: the observer calls again.
  measure() {
    const { canvas, frame } = this.enlarged ?? this.rows[0].panels.find((panel) => panel.isVisible) ?? this.rows[0].panels[0];
    const ratio = canvas.width / (frame.clientWidth || canvas.width);
    const changed = ratio !== this.pixelRatio;
    this.pixelRatio = ratio;
    return changed;
  }

  get mode() {
    return this.settings.mode === "error" && !this.heats.some((heat) => heat.hasErrors) ? "heat" : this.settings.mode;
  }

  askForDrawing() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      const changed = this.arrange();
      if (!this.rows.length) return;
      if (changed) this.measure();
      this.draw();
    });
  }

  draw() {
    const started = performance.now();
    const tables = { heat: this.tables[this.settings.palette], diverging: this.diverging, outcomes: this.outcomes };
    for (const row of this.rows) row.draw(this.settings, this.mode, tables, this.pixelRatio);
    this.showCross();
    this.root.dataset.drawMs = (performance.now() - started).toFixed(1);
  }

  showCross() {
    const { point, pinned } = this.crosshair;
    const panels = this.rows.flatMap((row) => row.panels);
    for (const panel of panels) {
      panel.showCross(panel.heat === this.pointed ? point : null, pinned, this.mode, this.settings.scale);
    }
    put(this.spoken, pinned ? this.valuesInWords() : "");
  }

  valuesInWords() {
    const values = (row) => row.panels.slice(1).map((panel) => `${panel.heat.views[panel.v].label} ${panel.value.textContent}`);
    const rows = this.rows.filter((row) => row.heat === this.pointed);
    return rows.map((row) => `${row.heat.classes[row.c].name}: ${values(row).join(", ")}`).join("; ");
  }

  reportSettings() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.setStateValue("settings", { ...this.settings }), 200);
  }

  report(name, value) {
    this.setTriggerValue(name, value);
  }

  destroy() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    for (const loader of this.loaders) loader.stop();
    this.stopFiles();
    this.crosshair.stop();
    this.sizes.disconnect();
    this.close();
    this.root.remove();
  }

  close() {
    for (const bitmap of this.bitmaps) bitmap.close();
  }
}

export default mounted((parent, data) => new HeatView(parent, data));
