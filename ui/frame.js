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

// On a phone the panel lies over the page: a choice in it, of a page too, is made to be looked at.
const CHOICE = "[data-testid=stSidebar] :is([class*=st-key-show-] button, [data-testid=stSidebarNavLink]), [role=option]";
const OPEN_PANEL = "[data-testid=stSidebar]:is([aria-expanded=true], [data-collapsed=false])"; // older and newer Streamlit
document.addEventListener("click", (event) => {
  if (!matchMedia("(max-width: 768px)").matches || !event.target.closest(CHOICE)) return;
  document.querySelector(`${OPEN_PANEL} [data-testid=stSidebarCollapseButton] button`)?.click();
});
