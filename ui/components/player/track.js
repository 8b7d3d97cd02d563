// One run on the screen: its title and settings, a panel for each layer, its charts, its progress and what happened.

import { Chart, tidy } from "./chart.js";
import { FrameStream } from "./frame_stream.js";
import { Brush } from "./layers.js";
import { gradient } from "../heatview/colours.js";
import { clamp, element, put } from "../heatview/dom.js";
import { fixed, percent, signed } from "../heatview/words.js";

class View {
  constructor(about, brush, spec) {
    Object.assign(this, { brush, spec });
    this.root = element("figure", "panel");
    this.root.dataset.layer = spec.layer;
    this.canvas = element("canvas");
    Object.assign(this.canvas, { width: brush.width, height: brush.height });
    this.canvas.setAttribute("role", "img");
    this.ctx = this.canvas.getContext("2d");
    this.frame = element("div", "frame");
    this.frame.style.aspectRatio = `${about.picture.width} / ${about.picture.height}`;
    this.note = element("div", "note");
    this.cross = element("div", "cross");
    this.cross.append(element("div", "vertical"), element("div", "horizontal"));
    this.frame.append(this.canvas, this.note, this.cross);
    const caption = element("figcaption");
    caption.append(element("span", "name", spec.label), element("span", "title", spec.title ?? ""));
    caption.title = spec.help ?? "";
    this.value = element("div", "value");
    this.reading = element("span", "reading");
    this.value.append(this.reading);
    if (spec.kind === "heat") this.value.append(element("span", "end", "0"), this.strip(), element("span", "end", "1.0"));
    this.figures = element("div", "figures");
    this.root.append(caption, this.frame, this.value, this.figures);
  }

  draw(frame, settings, table, pixelRatio) {
    this.shown = frame.layers[this.spec.layer];
    this.threshold = settings.threshold;
    this.brush[this.spec.kind](this.ctx, this.shown, settings, table, pixelRatio);
    this.showStrip(settings, table);
    put(this.note, this.noteOf(this.shown));
    const lines = this.lines(this.shown, frame, settings);
    put(this.figures, lines.join("\n"));
    this.canvas.setAttribute("aria-label", `${this.spec.label}, ${frame.label}: ${lines.join(", ")}`);
  }

  // The colour bar, with a mark at the threshold and one at the value under the cross.
  strip() {
    this.ramp = element("div", "ramp");
    this.marks = ["threshold", "here"].map((name) => element("div", `mark ${name}`));
    this.ramp.append(...this.marks);
    return this.ramp;
  }

  showStrip(settings, table) {
    if (!this.ramp) return;
    if (this.painted !== table) this.ramp.style.setProperty("--ramp", gradient(table));
    this.painted = table;
    this.marks[0].style.setProperty("--at", settings.threshold);
  }

  noteOf(layer) {
    if (layer.isEmpty) return layer.note ?? this.spec.empty ?? "";
    if (this.spec.kind === "heat" && layer.peak > 1.005) return `exceeds the scale: ${tidy(layer.peak)} ×`;
    return "";
  }

  lines(layer, frame, settings) {
    const { kind } = this.spec;
    if (kind === "signed") return [`at most ${tidy(layer.most)} grey levels of 255`, `shown × ${settings.gain}`];
    if (kind === "mask") return [`${percent(layer.share())} of the map is held`];
    if (this.spec.plain || layer.note) return [];
    const at = (curve) => frame.curves[this.spec.layer]?.[curve]?.[Math.round(100 * settings.threshold)];
    const lines = [`${percent(at("covered") ?? null)} of the picture above ${fixed(settings.threshold)}`];
    if (Number.isFinite(at("iou"))) lines.push(`IoU ${percent(at("iou"))} with the true mask`);
    return lines;
  }

  showCross(point) {
    this.cross.classList.toggle("shown", Boolean(point));
    put(this.reading, point && this.shown ? this.valueAt(point) : "");
    this.marks?.[1].classList.toggle("shown", Boolean(point));
    if (!point) return;
    this.marks?.[1].style.setProperty("--at", clamp(this.shown?.value(point.x, point.y) ?? 0, 0, 1));
    this.cross.style.setProperty("--x", `${100 * point.x}%`);
    this.cross.style.setProperty("--y", `${100 * point.y}%`);
  }

  valueAt({ x, y }) {
    const { kind } = this.spec;
    if (kind === "heat") return fixed(this.shown.value(x, y));
    if (kind === "mask") return this.shown.cell(x, y) ? "held" : "free";
    if (kind === "above") return this.shown.value(x, y) > this.threshold ? "in the mask" : "outside";
    return this.shown.cell(x, y).map((level) => signed(level).slice(0, -1)).join("  ");
  }
}

export class Track {
  constructor(player) {
    this.player = player;
    this.root = element("section", "track waiting");
    this.title = element("div", "track-title");
    this.settings = element("div", "settings");
    this.progress = element("progress");
    this.says = element("div", "says");
    this.says.setAttribute("role", "status");
    this.panels = element("div", "panels");
    this.panels.append(...Array.from({ length: 4 }, () => element("div", "panel empty")));
    this.charts = element("div", "charts");
    this.happened = element("ul", "happened");
    const head = element("div", "track-head");
    const state = element("div", "track-state");
    state.append(this.progress, this.says);
    head.append(this.title, this.settings, state);
    this.root.append(head, this.panels, this.happened, this.charts);
    this.views = [];
    this.lines = [];
  }

  load(run) {
    if (this.stream?.id === run.id) return;
    this.stream?.stop();
    this.wasRunning = run.running;
    this.fresh = true;
    this.root.classList.add("waiting");
    this.stream = new FrameStream(run, () => this.news(), (sentence) => this.problem(sentence));
  }

  problem(sentence) {
    put(this.says, sentence);
    this.progress.hidden = true;
    this.player.changed();
  }

  news() {
    const { stream } = this;
    if (this.fresh && stream.frames.length) this.build();
    this.say();
    const shown = `${stream.id} ${stream.made} ${stream.frames.length} ${stream.state}`;
    if (shown !== this.shown) this.player.changed(); // most answers bring nothing: then nothing is drawn
    this.shown = shown;
    if (stream.running || !this.wasRunning) return;
    this.wasRunning = false;
    this.player.report("finished", stream.id);
  }

  // The panels of the run before stay until the first frame of this one is here, so that nothing jumps.
  build() {
    const { about, bitmap } = this.stream;
    this.fresh = false;
    const brush = new Brush(bitmap, about.picture);
    this.views = about.panels.map((spec) => new View(about, brush, spec));
    this.views.forEach((view) => this.player.watch(view));
    this.panels.replaceChildren(...this.views.map((view) => view.root));
    let offset = 0;
    this.lines = about.charts.map((chart) => {
      const made = new Chart(chart, offset, (i) => this.player.go(i));
      offset += chart.lines.length;
      return made;
    });
    this.panels.style.setProperty("--panels", clamp(this.views.length, 4, 5));
    this.panels.style.setProperty("--beside", Math.ceil(this.views.length / 2));
    this.charts.replaceChildren(...this.lines.map((chart) => chart.root));
    put(this.title, about.title);
    this.settings.replaceChildren(...about.settings.map(([name, value]) => {
      const chip = element("span", "chip", `${name} `);
      chip.append(element("b", "", value));
      return chip;
    }));
    this.root.classList.remove("waiting");
    this.root.setAttribute("aria-label", about.title);
  }

  say() {
    const { state, message, frames, total, seconds, left, sentences } = this.stream;
    this.progress.max = total;
    this.progress.value = frames.length;
    this.progress.hidden = state !== "running";
    const { one = "step", many = "steps" } = this.stream.about ?? {};
    const step = `making ${one} ${Math.min(frames.length + 1, total)} of ${total}`;
    const time = left === null ? `${seconds} s` : `${seconds} s, about ${Math.max(1, Math.round(left))} s to go`;
    const timed = { running: `${step} · ${time}`, done: `${frames.length} ${many} in ${seconds} s`, stopped: `${seconds} s`, failed: "" };
    const words = (seconds === null ? { running: step, done: `${frames.length} ${many}` } : timed)[state];
    put(this.says, [message, words].filter(Boolean).join(" · "));
    this.root.classList.toggle("failed", state === "failed");
    this.happened.replaceChildren(...sentences.map((sentence) => element("li", "", sentence)));
  }

  get ready() {
    return !this.fresh && this.stream.frames.length > 0;
  }

  readCharts(threshold) {
    for (const chart of this.lines) chart.read(this.stream.frames, threshold);
  }

  // Charts of the same title that stand beside one another have one axis.
  drawCharts(total, tracks) {
    for (const chart of this.lines) {
      const same = tracks.flatMap((track) => track.lines.filter((other) => other.about.title === chart.about.title));
      chart.draw(this.stream.frames, total, same.flatMap((other) => other.known));
    }
  }

  draw(index, settings, table, pixelRatio) {
    if (!this.ready) return;
    const i = Math.min(index, this.stream.frames.length - 1);
    const frame = this.stream.frames[i];
    for (const view of this.views) view.draw(frame, settings, table, pixelRatio);
    for (const chart of this.lines) chart.mark(i);
    this.notes = frame.notes;
    this.label = frame.label;
  }

  stop() {
    this.stream?.stop();
  }
}
