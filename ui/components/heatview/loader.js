// Fetches a payload by its id, once. A payload the server has dropped is asked for again a few times, because the page
// puts it back under the same id when it hears of it, and the same id does not call this component again.

import { PayloadError, Unreachable, ask, decodePicture, readPayload } from "./payload.js";

const RETRIES = [1500, 4000, 9000];
const GONE = "These heatmaps are not on the server any more and are being computed again. If nothing appears, open the picture again.";
export const UNREACHABLE = "The server does not answer; it is asked again. If nothing appears, check that the app is running, then reload the page.";

export class Loader {
  constructor({ onPayload, onProblem, onExpired }) {
    Object.assign(this, { onPayload, onProblem, onExpired });
    this.id = null;
  }

  load(id, url) {
    if (id === this.id) return false;
    this.stop();
    this.id = id;
    this.abort = new AbortController();
    this.attempt(url, this.abort.signal, 0);
    return true;
  }

  async attempt(url, signal, tries) {
    try {
      const { status, body } = await ask(url, signal);
      if (status === 404) return this.missing(url, signal, tries);
      if (!body) return this.onProblem(`The server answered with error ${status}. Reload the page to try again.`);
      const payload = readPayload(body);
      const bitmap = await decodePicture(payload);
      if (!signal.aborted) this.onPayload(payload, bitmap);
    } catch (error) {
      if (signal.aborted) return;
      this.onProblem(error instanceof PayloadError ? error.message : UNREACHABLE);
      if (error instanceof Unreachable) this.again(url, signal, tries);
      else if (!(error instanceof PayloadError)) throw error;
    }
  }

  missing(url, signal, tries) {
    this.onProblem(GONE);
    if (tries === 0) this.onExpired(this.id);
    if (tries < RETRIES.length) this.again(url, signal, tries);
  }

  again(url, signal, tries) {
    this.timer = setTimeout(() => this.attempt(url, signal, tries + 1), RETRIES[Math.min(tries, RETRIES.length - 1)]);
  }

  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
  }
}
