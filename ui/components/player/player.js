// Ties runs, scrubber and settings together: one Player per place in the page, one step for everything in it.

import { Bar, checkedSettings } from "./bar.js";
import { Track } from "./track.js";
import { decodeTable } from "../heatview/colours.js";
import { Crosshair } from "../heatview/crosshair.js";
import { clamp, element, mounted, put } from "../heatview/dom.js";

const REST = 4; // the last frame stays this many times as long before the loop starts again
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

class Player {
  constructor(parent, data) {
    this.tables = Object.fromEntries(Object.entries(data.palettes).map(([name, text]) => [name, decodeTable(text)]));
    this.settings = checkedSettings(data.initial, this.tables);
    this.index = 0;
    this.follows = !CALM.matches; // shows every new frame, until somebody takes the scrubber
    this.tracks = [];
    this.crosshair = new Crosshair(() => this.showCross(), (spot) => this.tell("picked", { x: spot.x, y: spot.y }));
    this.bar = new Bar(this.settings, this.paletteNames(), this);
    this.stage = element("div", "tracks");
    this.notes = element("div", "notes");
    this.notes.setAttribute("role", "status");
    this.root = element("div", "heatview player");
    this.root.append(this.stage, this.notes, this.bar.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Player: space plays and pauses, arrow keys step");
    parent.append(this.root);
    this.sizes = new ResizeObserver(() => {
      this.stale = true;
      this.askForDrawing();
    });
    this.sizes.observe(this.stage);
  }

  update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue, listens: data.listens });
    const fewer = this.tracks.splice(data.runs.length);
    for (const track of fewer) track.stop();
    while (this.tracks.length < data.runs.length) this.tracks.push(new Track(this));
    const news = data.runs.filter((run, k) => this.tracks[k].stream?.id !== run.id);
    if (news.length) this.rest = data.rest ?? Infinity;
    if (news.some((run) => run.running)) this.follow();
    data.runs.forEach((run, k) => this.tracks[k].load(run));
    this.stage.replaceChildren(...this.tracks.map((track) => track.root));
    this.stage.classList.toggle("beside", this.tracks.length > 1);
    this.changed();
  }

  follow() {
    this.pause();
    this.follows = !CALM.matches;
    if (CALM.matches) this.index = 0;
  }

  paletteNames() {
    const names = Object.keys(this.tables);
    return [...names.filter((name) => name !== "paper"), ...names.filter((name) => name === "paper")];
  }

  get ready() {
    return this.tracks.filter((track) => track.ready);
  }

  get made() {
    return Math.max(0, ...this.ready.map((track) => track.stream.frames.length));
  }

  get total() {
    return Math.max(1, ...this.ready.map((track) => (track.stream.running ? track.stream.total : track.stream.frames.length)));
  }

  // Frames came or went.
  changed() {
    this.stale = true;
    if (this.follows) this.index = Math.max(0, Math.min(this.rest, this.made - 1));
    this.index = clamp(this.index, 0, Math.max(0, this.made - 1));
    this.bar.gain.root.hidden = !this.ready.some((track) => track.views.some(({ spec }) => spec.kind === "signed"));
    this.askForDrawing();
  }

  go(index) {
    this.pause();
    this.rest = Infinity; // from now on the person says where to stay
    this.move(index);
    this.follows = this.index === this.made - 1 && !CALM.matches;
    this.tellWhere();
  }

  move(index) {
    this.index = clamp(index, 0, Math.max(0, this.made - 1));
    this.askForDrawing();
  }

  toggle() {
    if (this.playing) {
      this.tellWhere();
      return this.pause();
    }
    this.follows = false;
    if (this.index >= this.made - 1) this.move(0);
    this.playing = true;
    this.tick(1);
    this.askForDrawing();
  }

  tick(times) {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.advance(), (1000 * times) / this.settings.speed);
  }

  advance() {
    if (this.index < this.made - 1) this.move(this.index + 1);
    else if (this.ready.some((track) => track.stream.running)) this.askForDrawing(); // the next frame is being made
    else if (this.settings.loop) this.move(0);
    else {
      this.tellWhere();
      return this.pause();
    }
    this.tick(this.settings.loop && this.index === this.made - 1 ? REST : 1);
  }

  pause() {
    clearTimeout(this.clock);
    this.playing = false;
    this.askForDrawing();
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own
    const node = event.composedPath()[0];
    const typing = node instanceof HTMLSelectElement || (node instanceof HTMLInputElement && !node.classList.contains("scrubber"));
    const leaps = { ArrowLeft: this.index - 1, ArrowRight: this.index + 1, Home: 0, End: this.made - 1 };
    if (event.key === " " && !(node instanceof HTMLButtonElement) && !typing) this.toggle();
    else if (event.key in leaps && !typing) this.go(leaps[event.key]);
    else return;
    event.preventDefault();
  }

  watch(view) {
    this.crosshair.attach(view, false);
    view.canvas.onkeydown = null; // arrows belong to the scrubber here
    view.canvas.removeAttribute("tabindex");
  }

  showCross() {
    for (const track of this.ready) for (const view of track.views) view.showCross(this.crosshair.point);
  }

  askForDrawing() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const started = performance.now();
    const { settings, total } = this;
    if (this.stale || this.drawnAt !== settings.threshold) {
      for (const track of this.ready) track.readCharts(settings.threshold);
      for (const track of this.ready) track.drawCharts(total, this.ready);
      this.drawnAt = settings.threshold;
      this.stale = false;
    }
    const view = this.ready[0]?.views[0];
    const pixelRatio = view ? view.canvas.width / (view.frame.clientWidth || view.canvas.width) : 1;
    for (const track of this.ready) track.draw(this.index, settings, this.tables[settings.palette], pixelRatio);
    const [first] = this.ready;
    this.bar.show(this.index, this.made, total, this.playing, first ? this.words(first) : "no step yet");
    put(this.notes, this.ready.flatMap((track) => track.notes ?? []).join(" · "));
    this.showCross();
    this.root.dataset.drawMs = (performance.now() - started).toFixed(1);
  }

  words(track) {
    const same = this.ready.every((other) => other.label === track.label);
    return same ? track.label : `step ${this.index + 1} of ${this.total}`;
  }

  // Where somebody came to rest, for pages that listen.
  tellWhere() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell("at", { index: this.index }), 250);
  }

  tell(name, value) {
    const [track] = this.ready;
    if (track && this.listens.includes(name)) this.setStateValue(name, { ...value, id: track.stream.id });
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
    clearTimeout(this.clock);
    clearTimeout(this.resting);
    cancelAnimationFrame(this.frame);
    for (const track of this.tracks) track.stop();
    this.crosshair.stop();
    this.sizes.disconnect();
    this.root.remove();
  }
}

export default mounted((parent, data) => new Player(parent, data));
