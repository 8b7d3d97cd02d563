"""What is chosen on a page lives in the session and in the address; both are checked, because a link can say anything."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ui.session.link import read_choice, write

PAGE = "page"  # in the session: which page is open
VISIT = "visit"  # in the session: how many pages were gone to
DRAWN_ON = "drawn-on"  # in the session: {key of a widget that several pages have: the visit that drew it last}


def begin_visit(page: str) -> None:
    """Note which page is open; another one than before is a new visit."""
    state = st.session_state
    if state.get(PAGE) != page:
        state[PAGE], state[VISIT] = page, state.get(VISIT, 0) + 1


def carry_over(*keys: str) -> None:
    """Call before a widget whose value outlives its page: what was chosen counts on the next visit, where it would begin anew.

    Streamlit takes the widgets of two pages for different ones, whatever their key. Those that no page draws itself it takes
    for the same, and yet its browser forgets them while a page without them is open, even after it told the server of them.
    """
    state = st.session_state
    drawn_on = state.setdefault(DRAWN_ON, {})
    for key in keys:
        if drawn_on.get(key) != state[VISIT] and key in state:
            state[key] = state[key]
            drawn_on[key] = state[VISIT]


@dataclass(frozen=True)
class Choices:
    """The choices of one page, by the names that they have in the address."""

    page: str

    def key(self, name: str) -> str:
        """Where the session keeps a choice of this page."""
        return f"{self.page}-{name}"

    def remembered(self, name: str, choices: Collection[str], otherwise: str) -> str:
        """The key of a choice: what was just chosen for the person, what the session has, the address, what counts anyway."""
        self.settle(name)
        if st.session_state.get(self.key(name)) not in choices:
            st.session_state[self.key(name)] = read_choice(name, choices, otherwise)
        carry_over(self.key(name))
        return self.key(name)

    def tell(self, name: str, otherwise: str = "") -> str:
        """Put a choice into the address and return it."""
        value = st.session_state.get(self.key(name)) or otherwise
        write(name, str(value), otherwise)
        return str(value)

    def choose(self, name: str, value: Any) -> None:
        """Make a choice for the person, for example by a click on a chart; it counts from the next run on."""
        st.session_state.setdefault(self.key("next"), {})[name] = value

    def settle(self, name: str) -> None:
        """Let a choice count that was made for the person, before the widget that shows it is drawn."""
        pending = st.session_state.get(self.key("next"), {})
        if name in pending:
            st.session_state[self.key(name)] = pending.pop(name)
