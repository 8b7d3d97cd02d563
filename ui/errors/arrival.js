// Brings a picture that was just opened, by a click or by a link, to the top of the window, and holds it there while charts
// and maps above and below it take their room; the first touch of the person ends that.

const MILLISECONDS = 6000;
const TOUCHES = ["wheel", "touchstart", "pointerdown", "keydown"];

export default function () {
  const place = document.querySelector(".st-key-errors-opened");
  if (!place) return;
  const sizes = new ResizeObserver(() => place.scrollIntoView({ block: "start" }));
  const stop = () => {
    clearTimeout(timer);
    sizes.disconnect();
    for (const touch of TOUCHES) document.removeEventListener(touch, stop, true);
  };
  const timer = setTimeout(stop, MILLISECONDS);
  for (const touch of TOUCHES) document.addEventListener(touch, stop, true);
  sizes.observe(place.closest("[data-testid=stMainBlockContainer]"));
  return stop;
}
