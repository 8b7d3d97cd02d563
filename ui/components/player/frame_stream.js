// Follows one run: asks the server for the frames it lacks until no more will come. The answer is packed like a payload:
// {version, made: number of the frames' version, from: how many of ours stand, total, state: running | done | stopped | failed,
//  message, sentences, seconds, left: seconds or null, pause: seconds until the next question, frames: [entry], about: first time only} and the blobs frames, picture.

import { Layer } from "./layers.js";
import { UNREACHABLE } from "../heatview/loader.js";
import { PayloadError, Unreachable, ask, decodePicture, must, readPacked } from "../heatview/payload.js";

const TRIES = [500, 1500, 4000, 9000];
const LOST = "This run is not on the server any more. Start it again.";

export class FrameStream {
  constructor({ id, url }, onNews, onProblem) {
    Object.assign(this, { id, url, onNews, onProblem });
    this.frames = [];
    this.made = 0;
    this.tries = 0;
    this.state = "running";
    this.abort = new AbortController();
    this.ask();
  }

  get running() {
    return this.state === "running";
  }

  async ask() {
    const { signal } = this.abort;
    try {
      const about = this.about ? 0 : 1;
      const { status, body } = await ask(`${this.url}?from=${this.frames.length}&made=${this.made}&about=${about}`, signal);
      if (status === 404) return this.onProblem(LOST);
      if (!body) return this.onProblem(`The server answered with error ${status}. Reload the page to try again.`);
      await this.take(readPacked(body));
      this.tries = 0;
      if (signal.aborted) return;
      this.onNews(this);
      if (this.running) this.timer = setTimeout(() => this.ask(), 1000 * this.pause);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Unreachable) {
        if (this.tries === TRIES.length) this.onProblem(UNREACHABLE);
        this.timer = setTimeout(() => this.ask(), TRIES[Math.min(this.tries++, TRIES.length - 1)]);
        return;
      }
      this.onProblem(error instanceof PayloadError ? error.message : "This run cannot be read.");
      if (!(error instanceof PayloadError)) throw error;
    }
  }

  async take({ header, blobs }) {
    if (header.about) {
      const bitmap = await decodePicture({ header: header.about, blobs });
      Object.assign(this, { about: header.about, bitmap });
    }
    must(header.from <= this.frames.length, "frames are missing");
    this.frames.length = header.from;
    for (const entry of header.frames) this.frames.push(this.frame(entry, blobs.frames));
    const { made, total, state, message, sentences, seconds, left, pause } = header;
    Object.assign(this, { made, total, state, message, sentences, seconds, left, pause });
  }

  // A layer or curve that a frame lacks is that of the frame before: what never changes travels once.
  frame(entry, bytes) {
    const layers = { ...this.frames.at(-1)?.layers };
    for (const [name, { grid, at, peak, most, note }] of Object.entries(entry.layers)) {
      const size = grid.reduce((product, side) => product * side, 1);
      must(bytes && at + size <= bytes.length, `the layer "${name}" is cut short`);
      layers[name] = new Layer(grid, bytes.subarray(at, at + size), peak, most, note);
    }
    return { ...entry, layers, curves: { ...this.frames.at(-1)?.curves, ...entry.curves } };
  }

  stop() {
    clearTimeout(this.timer);
    this.abort.abort();
  }
}
