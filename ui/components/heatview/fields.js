// What control bars are made of: fields that write into `settings`, each with its words.

import { element, put } from "./dom.js";

const PALETTE_WORDS = { paper: "paper style (jet)" };

export class Fields {
  constructor(settings, onInput, onChange) {
    this.settings = settings;
    this.onInput = onInput;
    this.onChange = onChange;
    this.root = element("div", "controls");
    this.rest = element("div", "rest");
    this.rest.id = "more-controls";
  }

  set(name, value, done) {
    this.settings[name] = value;
    this.showNumbers();
    this.onInput();
    if (done) this.onChange();
  }

  field(name, label, title, tag = "div") {
    const root = element(tag, `field ${name}`);
    root.title = title;
    const head = element("span", "head");
    head.append(element("span", "label", label));
    root.append(head);
    return { root, head };
  }

  slider(name, label, title, range = { min: 0, max: 1, step: 0.01 }) {
    const { root, head } = this.field(name, label, title, "label");
    const input = element("input");
    Object.assign(input, { type: "range", ...range, value: this.settings[name] });
    input.setAttribute("aria-label", label);
    const number = element("output", "number");
    head.append(number);
    root.append(input);
    input.oninput = () => this.set(name, Number(input.value), false);
    input.onchange = () => this.set(name, Number(input.value), true);
    return { root, input, number };
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

  // A button that stays pressed.
  toggle(name, label, title) {
    const button = element("button", `more toggle ${name}`, label);
    Object.assign(button, { type: "button", title });
    const show = () => button.setAttribute("aria-pressed", String(this.settings[name]));
    button.onclick = () => {
      this.set(name, !this.settings[name], true);
      show();
    };
    show();
    return button;
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
