// Numbers and sentences for people.

export const SPACE = "\u00a0";
export const MINUS = "\u2212";

export function percent(fraction) {
  if (fraction === null) return "–"; // neither map nor object has a pixel
  const whole = Math.round(100 * fraction);
  if (whole === 0 && fraction > 0) return `under 1${SPACE}%`;
  if (whole === 100 && fraction < 1) return `over 99${SPACE}%`;
  return `${whole}${SPACE}%`;
}

export const fixed = (value) => value.toFixed(2);

export function signed(value) {
  const text = fixed(Math.abs(value));
  return text === "0.00" ? text : (value < 0 ? MINUS : "+") + text;
}

export function peakText(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.01 ? value.toFixed(2) : value.toExponential(1);
}

// Where maps are cut, at the start of a sentence about all of them.
function above(heat, settings) {
  const rules = { measured: "Above their own thresholds, ", otsu: "Above Otsu’s thresholds, ", area: "" };
  return heat.hasRules && settings.rule in rules ? rules[settings.rule] : `Above ${fixed(settings.threshold)}, `;
}

// Which of the two maps lies better on the known object, also at the threshold that suits each best; empty where nobody knows.
export function verdict(heat, c, settings) {
  const r = heat.reference, v = heat.compared;
  const before = heat.quality(r, c, settings), after = heat.quality(v, c, settings);
  if (r === v || !Number.isFinite(before?.iou) || !Number.isFinite(after?.iou)) return "";
  const name = heat.owner(r), other = heat.owner(v), gain = after.iou - before.iou;
  const figures = `IoU ${percent(after.iou)} against ${percent(before.iou)}`;
  const bests = `${percent(after.bestIou)} against ${percent(before.bestIou)}`, bestGain = after.bestIou - before.bestIou;
  const isReversed = gain * bestGain < 0 && percent(after.bestIou) !== percent(before.bestIou);
  const reversal = `But at the best threshold of each it is ${bestGain > 0 ? "better" : "worse"}`;
  const best = `${isReversed ? reversal : "At the best threshold of each"}: ${bests}.`;
  if (percent(after.iou) === percent(before.iou)) return `${other} is as good as ${name} here: ${figures}. ${best}`;
  if (gain > 0) return `${other} is better than ${name} here: ${figures}. ${best}`;
  const reason = after.fp - before.fp > after.fn - before.fn ? "lights up more besides" : "misses more of";
  return `${other} is worse than ${name} here: it ${reason} the ${heat.classes[c].name}, ${figures}. ${best}`;
}

// What the threshold keeps of the reference and of the view it is set against.
export function rowSentence(heat, c, settings) {
  const r = heat.reference, v = heat.compared;
  const name = heat.owner(r), other = heat.owner(v), subject = heat.classes[c].name;
  const start = above(heat, settings);
  const a = percent(heat.covered(r, c, settings)), b = percent(heat.covered(v, c, settings));
  if (r === v) {
    return heat.isEmpty(r, c) ? `${name} has no positive evidence for ${subject}.` : `${start}${name} covers ${a} of the picture.`;
  }
  if (heat.isEmpty(r, c) && heat.isEmpty(v, c)) return `Neither ${name} nor ${other} has positive evidence for ${subject}.`;
  if (heat.isEmpty(r, c)) return `${start}${other} covers ${b} of the picture; ${name} has no positive evidence for ${subject}.`;
  if (heat.isEmpty(v, c)) return `${start}${name} covers ${a} of the picture; ${other} has no positive evidence for ${subject}.`;
  if (!heat.covered(r, c, settings) && !heat.covered(v, c, settings)) {
    return `${start ? `${start}neither` : "Neither"} ${name} nor ${other} covers any of the picture.`;
  }
  const gain = heat.gained(r, v, c, settings), loss = heat.gained(v, r, c, settings);
  const place = (where) => `${where} ${name}’s peak`;
  if (a === b) {
    const both = `${start}${name} and ${other} both cover ${a} of the picture`;
    const moved = Math.min(gain.share, loss.share) >= 0.01 && gain.where;
    return moved ? `${both}; what ${other} adds lies ${place(gain.where)}, and it gives up as much elsewhere.` : `${both}.`;
  }
  const grows = heat.covered(v, c, settings) > heat.covered(r, c, settings);
  const { where } = grows ? gain : loss;
  const most = where ? `; most of the ${grows ? "gain" : "loss"} lies ${place(where)}` : "";
  return `${start}${name} covers ${a} of the picture, ${other} ${b}${most}.`;
}

export function panelLines(heat, v, c, settings) {
  const lines = [`${percent(heat.covered(v, c, settings))} of the picture`, `peak ${peakText(heat.peak(v, c))}`];
  const quality = heat.quality(v, c, settings);
  if (!quality) return lines;
  return [...lines, `IoU ${percent(quality.iou)}`, `missed ${percent(quality.fn)} · wrong ${percent(quality.fp)}`,
    `best at ${fixed(quality.best)}: IoU ${percent(quality.bestIou)}`];
}

// The same in two lines, and what stands behind "Numbers".
export function largeLines(heat, v, c, settings) {
  const at = fixed(heat.cut(v, c, settings).threshold), covered = percent(heat.covered(v, c, settings));
  const quality = heat.quality(v, c, settings);
  if (!quality) return [`covers ${covered} above ${at}`, "", `peak ${peakText(heat.peak(v, c))}`];
  return [
    `IoU ${percent(quality.iou)} at ${at}`,
    `missed ${percent(quality.fn)} · wrong ${percent(quality.fp)}`,
    `covers ${covered} · peak ${peakText(heat.peak(v, c))} · best at ${fixed(quality.best)}: IoU ${percent(quality.bestIou)}`,
  ];
}

export function canvasLabel(heat, v, c, settings) {
  const name = `${heat.views[v].label} for ${heat.classes[c].name}`;
  if (heat.isEmpty(v, c)) return `${name}: no positive evidence`;
  return `${name}, covers ${percent(heat.covered(v, c, settings))} above ${fixed(heat.cut(v, c, settings).threshold)}`;
}

// The value under the cross, in the units that the panel shows.
export function valueText(heat, v, c, { x, y }, mode, scale) {
  if (heat.isEmpty(v, c)) return "none";
  const value = heat.value(v, c, x, y, scale);
  if (mode !== "difference" || v === heat.reference) return fixed(value);
  return signed(value - heat.value(heat.reference, c, x, y, scale));
}
