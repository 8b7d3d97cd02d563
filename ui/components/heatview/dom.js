// Small helpers to build DOM. Text only ever goes through textContent.

export function element(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// What a component's file exports: Streamlit calls it on every change of data or theme, and calls what it returned to clean up.
export function mounted(make) {
  const views = new WeakMap();
  return (component) => {
    const { parentElement, data: [data] } = component;
    if (!views.has(parentElement)) views.set(parentElement, make(parentElement, data));
    const view = views.get(parentElement);
    view.update({ ...component, data });
    return () => {
      views.delete(parentElement);
      view.destroy();
    };
  };
}
