// Arrow keys turn the pages of the lesson; in large type the page keys of a presenter do too. They press the page's own
// buttons, and leave every key alone that belongs to a slider, a field or a picture with a cross-hair.

const BACK = ["ArrowLeft"], NEXT = ["ArrowRight"];
const PAGES = ["PageUp", "PageDown"]; // all that a presenter has: they turn pages wherever the last click was, but in text
const TEXT = "textarea, select, input:not([type=range], [type=radio], [type=checkbox]), [role=listbox], [contenteditable=true]";
const OWN = "input, textarea, select, canvas, [role=slider], [role=radio], [role=radiogroup], [role=tab], [role=combobox], "
  + "[role=listbox], [role=menu], [role=grid], [contenteditable=true], [data-testid=stDataFrame], [data-testid=stButtonGroup]";

// Streamlit takes a component down and sets it up again with every run: one that listened only in between would lose
// keys. Away from the lesson there are no buttons to press, and so nothing happens.
let keys = null;

// Page keys are taken before a slider hears them, arrows once nothing else wanted them.
function turn(event) {
  const isPage = PAGES.includes(event.key);
  if (isPage !== (event.eventPhase === Event.CAPTURING_PHASE)) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  const target = event.composedPath()[0]; // inside of a component's own tree too
  if (target instanceof Element && target.closest(isPage ? TEXT : OWN)) return;
  const word = keys.back.includes(event.key) ? "back" : keys.next.includes(event.key) ? "next" : null;
  const button = word && document.querySelector(`.st-key-why-${word} button:not(:disabled)`);
  if (!button) return;
  event.preventDefault();
  if (isPage) event.stopPropagation();
  button.click();
}

export default function ({ data }) {
  if (!keys) for (const isFirst of [true, false]) document.addEventListener("keydown", turn, isFirst);
  keys = { back: data.pages ? [...BACK, PAGES[0]] : BACK, next: data.pages ? [...NEXT, PAGES[1]] : NEXT };
  document.documentElement.dataset.lessonKeys = "on";
}
