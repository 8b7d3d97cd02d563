// Pictures that are pasted, or dropped anywhere on the page, go to the page's uploader as if they had been chosen there.

export function forwardFiles(selector) {
  const take = (event, files = []) => {
    const input = document.querySelector(selector);
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    if (!input || !pictures.length) return;
    event.preventDefault();
    const transfer = new DataTransfer();
    for (const picture of pictures) transfer.items.add(picture);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const listening = new AbortController();
  const listen = (name, act) => document.addEventListener(name, act, { signal: listening.signal });
  listen("paste", (event) => {
    const isText = event.clipboardData?.types.includes("text/plain") && event.composedPath()[0] instanceof HTMLInputElement;
    if (!event.defaultPrevented && !isText) take(event, event.clipboardData?.files); // cells of a sheet come as both
  });
  // Uploaders take what is dropped on them, and prevent the default of every other drop, so that a browser opens no file.
  listen("drop", (event) => event.target.closest?.("[data-testid=stFileUploaderDropzone]") || take(event, event.dataTransfer?.files));
  listen("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault()); // or there is no drop
  return () => listening.abort();
}
