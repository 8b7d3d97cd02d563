// Arrow keys turn the pages of the lesson; in large type the page keys of a presenter do too. They press the page's own
// buttons, and leave every key alone that belongs to a slider, a field or a picture with a cross-hair.

const BACK = ["ArrowLeft"], NEXT = ["ArrowRight"];
const OWN = "input, textarea, select, canvas, [role=slider], [role=radio], [role=radiogroup], [role=tab], [role=combobox], "
  + "[role=listbox], [role=menu], [role=grid], [contenteditable=true], [data-testid=stDataFrame], [data-testid=stButtonGroup]";

// Streamlit takes a component down and sets it up again with every run: one that listened only in between would lose
// keys. Away from the lesson there are no buttons to press, and so nothing happens.
let keys = null;

function turn(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  const target = event.composedPath()[0]; // inside of a component's own tree too
  if (target instanceof Element && target.closest(OWN)) return;
  const word = keys.back.includes(event.key) ? "back" : keys.next.includes(event.key) ? "next" : null;
  const button = word && document.querySelector(`.st-key-why-${word} button:not(:disabled)`);
  if (!button) return;
  event.preventDefault();
  button.click();
}

export default function ({ data }) {
  if (!keys) document.addEventListener("keydown", turn);
  keys = { back: data.pages ? [...BACK, "PageUp"] : BACK, next: data.pages ? [...NEXT, "PageDown"] : NEXT };
  document.documentElement.dataset.lessonKeys = "on";
}
