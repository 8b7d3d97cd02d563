// Reads packed payloads (the layout is described in payload.py) and refuses what does not fit its own description.

export class PayloadError extends Error {}
export class Unreachable extends Error {}

// Status and bytes of an answer (none of a refusal); a proxy with nobody behind it counts as a server that is away.
export async function ask(url, signal) {
  try {
    const answer = await fetch(url, { signal });
    if (answer.status < 500) return { status: answer.status, body: answer.ok ? await answer.arrayBuffer() : null };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // fetch's word for a server that does not answer
  }
  throw new Unreachable();
}

export function must(condition, what) {
  if (!condition) throw new PayloadError(`These heatmaps cannot be shown: ${what}. Reload the page to fetch them again.`);
}

export function readPacked(buffer) {
  must(buffer.byteLength > 4, "the answer is empty");
  const start = 4 + new DataView(buffer).getUint32(0, true);
  must(start <= buffer.byteLength, "the answer is cut short");
  let header = null;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
  } catch {
    must(false, "their description is not readable");
  }
  must(header?.version === 1, `this page reads version 1, got ${header?.version}`);
  const blobs = {};
  for (const { name, offset, length } of header.blobs ?? []) {
    must(offset >= 0 && start + offset + length <= buffer.byteLength, `"${name}" is cut short`);
    blobs[name] = new Uint8Array(buffer, start + offset, length);
  }
  return { header, blobs };
}

export function readPayload(buffer) {
  const { header, blobs } = readPacked(buffer);
  checkSizes(header, blobs);
  return { header, blobs };
}

function checkSizes(header, blobs) {
  const { views, classes, grid, picture } = header;
  must(Array.isArray(views) && views.length && Array.isArray(classes) && classes.length, "no view or no class is named");
  must(grid?.length === 2 && grid[0] > 0 && grid[1] > 0, "their grid has no size");
  must(picture?.width > 0 && picture?.height > 0 && blobs.picture?.length, "the picture is missing");
  const cells = views.length * classes.length * grid[0] * grid[1];
  must(blobs.maps?.length === cells, `expected ${cells} map values, got ${blobs.maps?.length ?? 0}`);
  const pixels = classes.length * picture.width * picture.height;
  must(!blobs.mask || blobs.mask.length === pixels, `expected ${pixels} mask pixels, got ${blobs.mask?.length}`);
  must(fits(header.peaks, views, classes, () => true), "their peaks do not match the views and classes");
  must(!header.otsu || fits(header.otsu, views, classes, Number.isFinite), "their thresholds do not match the views and classes");
  const curve = (values) => values?.length === header.thresholds;
  for (const scale of ["each", "together"]) {
    must(fits(header.covered?.[scale], views, classes, curve), "their areas do not match the thresholds");
    const quality = (q) => q === null || (curve(q?.iou) && curve(q?.fn) && curve(q?.fp)); // null: truth unknown
    must(!header.quality || fits(header.quality[scale], views, classes, quality), "their errors do not match the thresholds");
  }
}

function fits(table, views, classes, check) {
  return table?.length === views.length && table.every((row) => row?.length === classes.length && row.every(check));
}

export async function decodePicture({ header, blobs }) {
  must(blobs.picture?.length, "the picture is missing");
  const file = new Blob([blobs.picture], { type: header.picture.type });
  const bitmap = await createImageBitmap(file).catch(() => must(false, "the picture cannot be decoded"));
  const { width, height } = header.picture;
  must(bitmap.width === width && bitmap.height === height,
    `the picture should have ${width} × ${height} pixels, got ${bitmap.width} × ${bitmap.height}`);
  return bitmap;
}
