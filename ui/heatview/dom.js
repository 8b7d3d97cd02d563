// Small helpers to build DOM. Text only ever goes through textContent.

function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
