// The control bar. It knows settings and words, and nothing of maps.

const MODES = [
  ["heat", "Heat", "Each map in colour over the picture, the threshold as a line"],
  ["mask", "Mask", "What lies above the threshold; the rest is dimmed"],
  ["difference", "Difference", "Each view minus the reference view"],
  ["error", "Error", "The area above the threshold against the known mask"],
];
const SCALES = [
  ["each", "each class by itself", "Every map ends at 1.00"],
  ["together", "classes of a readout together", "Maps of one readout share a scale, so a weak class stays weak"],
];
const GROWTH = [
  ["flat", "flat", "The same opacity everywhere"],
  ["grow", "grows with value", "Low values let the picture through"],
];
const PALETTE_WORDS = { paper: "paper style (jet)" };

class Controls {
  constructor(settings, palettes, onInput, onChange) {
    this.settings = settings;
    this.onInput = onInput;
    this.onChange = onChange;
    this.root = element("div", "controls");
    this.threshold = this.slider("threshold", "Background threshold",
      "Values at or below it count as background. The line in each map runs along it.");
    this.opacity = this.slider("opacity", "Opacity", "How strongly the colours cover the picture");
    this.rest = element("div", "rest");
    this.rest.id = "heatview-more";
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

  // Some choices make sense only with a mask, or with more than one class.
  offer(heat) {
    this.root.classList.toggle("no-error", !heat.hasErrors);
    this.root.classList.toggle("one-class", heat.classes.length < 2);
    if (this.settings.mode !== "error" || heat.hasErrors) return;
    this.root.querySelector('input[name="mode"][value="heat"]').checked = true; // there is no mask to err against
    this.set("mode", "heat", true);
  }

  set(name, value, done) {
    this.settings[name] = value;
    this.showNumbers();
    this.onInput();
    if (done) this.onChange();
  }

  showNumbers() {
    put(this.threshold.number, fixed(this.settings.threshold));
    put(this.opacity.number, percent(this.settings.opacity));
  }

  field(name, label, title, tag = "div") {
    const root = element(tag, `field ${name}`);
    root.title = title;
    const head = element("span", "head");
    head.append(element("span", "label", label));
    root.append(head);
    return { root, head };
  }

  slider(name, label, title) {
    const { root, head } = this.field(name, label, title, "label");
    const input = element("input");
    Object.assign(input, { type: "range", min: 0, max: 1, step: 0.01, value: this.settings[name] });
    input.setAttribute("aria-label", label);
    const number = element("output", "number");
    head.append(number);
    root.append(input);
    input.oninput = () => this.set(name, Number(input.value), false);
    input.onchange = () => this.set(name, Number(input.value), true);
    return { root, number };
  }

  choice(name, label, options, write = (value) => value, read = (word) => word) {
    const { root } = this.field(name, label, "");
    root.removeAttribute("title");
    const group = element("div", "segments");
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", label);
    for (const [word, text, title] of options) {
      const option = element("label", `segment ${word}`);
      option.title = title;
      const input = element("input");
      Object.assign(input, { type: "radio", name, value: word, checked: write(this.settings[name]) === word });
      input.onchange = () => this.set(name, read(word), true);
      option.append(input, element("span", "", text));
      group.append(option);
    }
    root.append(group);
    return root;
  }

  select(name, label, options) {
    const { root } = this.field(name, label, "Colours of the heatmaps", "label");
    const input = element("select");
    for (const option of options) {
      const node = element("option", "", PALETTE_WORDS[option] ?? option);
      node.value = option;
      input.append(node);
    }
    input.value = this.settings[name];
    input.onchange = () => this.set(name, input.value, true);
    root.append(input);
    return root;
  }

  moreButton() {
    const button = element("button", "more", "More");
    button.type = "button";
    button.setAttribute("aria-controls", this.rest.id);
    button.setAttribute("aria-expanded", "false");
    button.onclick = () => {
      const open = this.root.classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
      put(button, open ? "Less" : "More");
    };
    return button;
  }
}
