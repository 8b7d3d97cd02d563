// Runs before Streamlit does, on every page.

// A step of Back is a visit of a page, and on it a step of the lesson or a picture that was opened: Streamlit would make one of
// every word of the address that changes.
const push = history.pushState;
const named = (address, name) => address.searchParams.get(name);
history.pushState = function (state, title, url) {
  const [here, there] = [new URL(location.href), new URL(url, location.href)];
  const goesOn = (name) => named(there, name) && named(there, name) !== named(here, name);
  const isStep = here.pathname !== there.pathname || goesOn("open") || (named(here, "step") && goesOn("step"));
  return (isStep ? push : history.replaceState).call(this, state, title, url);
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
