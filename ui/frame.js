// Runs before Streamlit does, on every page.

// A step of Back is a visit of a page, and what a person does on it to the step of the lesson or the picture that is opened.
// Streamlit would make one of every word of the address that changes, also of those that the session adds to a visit.
const STEPS = ["step", "open"];
const push = history.pushState;
let isTouched = false; // since the page was come to
let isTravelling = false; // by Back and Forward, and nothing was touched since
const touch = () => ([isTouched, isTravelling] = [true, false]);
for (const kind of ["pointerdown", "keydown", "click"]) document.addEventListener(kind, touch, true);
addEventListener("popstate", () => ([isTouched, isTravelling] = [false, true]));
history.pushState = function (state, title, url) {
  const [here, there] = [new URL(location.href), new URL(url, location.href)];
  const isVisit = here.pathname !== there.pathname;
  const isStep = isTouched && STEPS.some((name) => here.searchParams.get(name) !== there.searchParams.get(name));
  if (isVisit && isTravelling) return; // the server's answer to a step that was left already; the next one is on its way
  if (isVisit) isTouched = false;
  return (isVisit || isStep ? push : history.replaceState).call(this, state, title, url);
};

// Escape leaves the presentation, unless it closes something that is open: which it has done when the key arrives here.
const OPEN = "[data-testid=stPopoverBody], [role=dialog], [role=listbox]";
let isOpen = false;
document.addEventListener("keydown", () => (isOpen = Boolean(document.querySelector(OPEN))), true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || isOpen || event.defaultPrevented) return;
  document.querySelector(".st-key-presentation input:checked")?.click();
});

// On a phone the panel lies over the page: a picture, a model or a page is chosen to be looked at. Forms in it stay open.
const CHOICE = "[data-testid=stSidebar] :is([class*=st-key-show-] button, [data-testid=stSidebarNavLink])";
const OPEN_PANEL = "[data-testid=stSidebar]:is([aria-expanded=true], [data-collapsed=false])"; // older and newer Streamlit
const isModel = (target) => target.closest("[role=option]") && document.activeElement?.closest(".st-key-model");
const fold = () => document.querySelector(`${OPEN_PANEL} [data-testid=stSidebarCollapseButton] button`)?.click();
document.addEventListener("click", ({ target }) => {
  if (matchMedia("(max-width: 768px)").matches && (target.closest(CHOICE) || isModel(target))) setTimeout(fold);
}, true); // on its way down: the lines of a list let no click come up again
