// Runs before Streamlit does, on every page.

// One page visit is one step of Back: Streamlit would make a step of every word of the address that changes.
const push = history.pushState;
history.pushState = function (state, title, url) {
  const samePage = new URL(url, location.href).pathname === location.pathname;
  return (samePage ? history.replaceState : push).call(this, state, title, url);
};

// Escape leaves the presentation, unless it closes something that is open.
const OPEN = "[data-testid=stPopoverBody], [role=dialog], [role=listbox]";
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector(OPEN)) return;
  document.querySelector(".st-key-presentation input:checked")?.click();
});

// On a phone the panel lies over the page: a choice in it is made to be looked at.
const CHOICE = "[data-testid=stSidebar] [class*=st-key-show-] button, [role=option]";
document.addEventListener("click", (event) => {
  if (!matchMedia("(max-width: 768px)").matches || !event.target.closest(CHOICE)) return;
  document.querySelector("[data-testid=stSidebar][aria-expanded=true] [data-testid=stSidebarCollapseButton] button")?.click();
});
