// The player's bar: step and play on top, how it is painted below.

import { svg } from "./chart.js";
import { clamp, element, put } from "../heatview/dom.js";
import { Fields } from "../heatview/fields.js";
import { fixed, percent } from "../heatview/words.js";

const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  back: "M12 2.5v11L6 8zM4 3h1.6v10H4z",
  forward: "M4 2.5v11L10 8zM10.4 3H12v10h-1.6z",
};
const SPEEDS = [1, 2, 4, 8, 16, 32];

export class Bar extends Fields {
  constructor(settings, palettes, player) {
    super(settings, () => player.askForDrawing(), () => player.reportSettings());
    this.player = player;
    this.transport = element("div", "transport");
    this.back = this.button("back", "One step back (arrow left)", () => player.go(player.index - 1));
    this.play = this.button("play", "Play (space)", () => player.toggle());
    this.forward = this.button("forward", "One step on (arrow right)", () => player.go(player.index + 1));
    this.scrubber = element("input", "scrubber");
    Object.assign(this.scrubber, { type: "range", min: 0, step: 1, value: 0 });
    this.scrubber.setAttribute("aria-label", "Step");
    this.scrubber.oninput = () => player.go(Number(this.scrubber.value));
    this.step = element("output", "step");
    this.loop = this.check("loop", "Loop", "Start again after the last step");
    this.speed = this.pick("speed", "Speed", SPEEDS.map((speed) => [speed, `${speed} / s`]), "How many steps a second");
    this.transport.append(this.back, this.play, this.forward, this.scrubber, this.step, this.speed, this.loop);
    this.threshold = this.slider("threshold", "Background threshold",
      "Values at or below it count as background. The line in each map runs along it.");
    this.opacity = this.slider("opacity", "Opacity", "How strongly the colours cover the picture");
    this.gain = this.slider("gain", "Perturbation shown ×", "How many times larger the change is shown than it is",
      { min: 1, max: 64, step: 1 });
    this.rest.append(this.opacity.root, this.gain.root, this.select("palette", "Palette", palettes));
    this.root.append(this.transport, this.threshold.root, this.moreButton(), this.rest);
    this.showNumbers();
  }

  button(icon, words, onClick) {
    const button = element("button", `key ${icon}`);
    button.type = "button";
    const picture = svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" });
    const shape = svg("path", { d: ICONS[icon], fill: "currentColor" });
    picture.append(shape);
    button.append(picture);
    button.title = words;
    button.setAttribute("aria-label", words);
    button.onclick = onClick;
    return button;
  }

  check(name, label, title) {
    const root = element("label", "check");
    root.title = title;
    const input = element("input");
    Object.assign(input, { type: "checkbox", checked: this.settings[name] });
    input.onchange = () => this.set(name, input.checked, true);
    root.append(input, element("span", "", label));
    return root;
  }

  pick(name, label, options, title) {
    const input = element("select", name);
    input.title = title;
    input.setAttribute("aria-label", label);
    for (const [value, text] of options) {
      const node = element("option", "", text);
      node.value = value;
      input.append(node);
    }
    input.value = this.settings[name];
    input.onchange = () => this.set(name, Number(input.value), true);
    return input;
  }

  showNumbers() {
    put(this.threshold.number, fixed(this.settings.threshold));
    put(this.opacity.number, percent(this.settings.opacity));
    put(this.gain.number, String(this.settings.gain));
  }

  // Where the player stands: the step, how many there are and will be, and whether it plays.
  show(index, made, total, playing, label) {
    this.scrubber.max = Math.max(0, total - 1);
    this.scrubber.value = index;
    this.scrubber.style.setProperty("--made", made > 1 ? (made - 1) / Math.max(1, total - 1) : 0);
    this.scrubber.setAttribute("aria-valuetext", label);
    put(this.step, label);
    this.back.disabled = index <= 0;
    this.forward.disabled = index >= made - 1;
    this.play.disabled = made < 2;
    const words = playing ? "Pause (space)" : "Play (space)";
    if (this.play.title === words) return;
    this.play.title = words;
    this.play.setAttribute("aria-label", words);
    this.play.querySelector("path").setAttribute("d", ICONS[playing ? "pause" : "play"]);
  }
}

// What Python proposed, where it makes sense.
export function checkedSettings(initial, tables) {
  const number = (value, low, high, otherwise) => (Number.isFinite(value) ? clamp(value, low, high) : otherwise);
  return {
    threshold: number(initial.threshold, 0, 1, 0.3),
    opacity: number(initial.opacity, 0, 1, 0.6),
    palette: tables[initial.palette] ? initial.palette : "viridis",
    grow: initial.grow === true,
    gain: Math.round(number(initial.gain, 1, 64, 16)),
    speed: SPEEDS.includes(initial.speed) ? initial.speed : 4,
    loop: initial.loop === true,
  };
}
