// What both widgets of the lesson need: probabilities, exact for large logits of either sign, and the colours of symbols.

export function sigmoid(z) {
  const small = Math.exp(-Math.abs(z));
  return (z >= 0 ? 1 : small) / (1 + small);
}

export function softmax(z) {
  const top = Math.max(...z);
  const powers = z.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

export function setColours(root, colours) {
  for (const [name, colour] of Object.entries(colours)) root.style.setProperty(`--${name}`, colour);
}
