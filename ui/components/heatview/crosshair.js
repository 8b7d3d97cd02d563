// The linked cross: where it is, whether it is pinned, and what pointer and keys do to it.

import { clamp } from "./dom.js";

const SAME_SPOT = 0.015, KEY_STEP = 0.01, KEY_LEAP = 0.05;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Crosshair {
  constructor(onMove, onPick) {
    this.point = null;
    this.pinned = false;
    this.onMove = onMove;
    this.onPick = onPick;
  }

  attach(panel, isTabStop) {
    const { canvas } = panel;
    canvas.tabIndex = isTabStop ? 0 : -1;
    canvas.onpointermove = (event) => {
      if (event.pointerType === "mouse" && !this.pinned) this.moveTo(this.spot(canvas, event), false);
    };
    canvas.onpointerleave = () => {
      if (!this.pinned) this.moveTo(null, false);
    };
    canvas.onclick = (event) => this.click(panel, this.spot(canvas, event));
    canvas.onkeydown = (event) => this.key(panel, event);
  }

  spot(canvas, event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: clamp((event.clientX - box.left) / box.width, 0, 1),
      y: clamp((event.clientY - box.top) / box.height, 0, 1),
    };
  }

  moveTo(point, pinned) {
    this.point = point;
    this.pinned = pinned;
    this.onMove();
  }

  click(panel, spot) {
    const again = this.pinned && Math.hypot(spot.x - this.point.x, spot.y - this.point.y) < SAME_SPOT;
    this.moveTo(spot, !again);
    if (!again) this.report(panel, 0);
  }

  key(panel, event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own
    if (event.key === "Escape") {
      if (!this.point) return;
      clearTimeout(this.timer);
      this.moveTo(null, false);
    } else if (event.key === "Enter" || event.key === " ") {
      this.moveTo(this.point ?? { x: 0.5, y: 0.5 }, true);
      this.report(panel, 0);
    } else if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      const step = event.shiftKey ? KEY_LEAP : KEY_STEP;
      const { x, y } = this.point ?? { x: 0.5, y: 0.5 };
      this.moveTo({ x: clamp(x + dx * step, 0, 1), y: clamp(y + dy * step, 0, 1) }, this.pinned);
      if (this.pinned) this.report(panel, 400);
    } else {
      return;
    }
    event.preventDefault();
  }

  report(panel, delay) {
    clearTimeout(this.timer);
    const send = () => this.onPick({ x: this.point.x, y: this.point.y, row: panel.c, view: panel.key });
    if (delay) this.timer = setTimeout(send, delay);
    else send();
  }

  stop() {
    clearTimeout(this.timer);
  }
}
