"""The paper's findings and what was found here: verdicts that follow from the shipped results."""

import streamlit as st

from recam_core.experiments.findings import ABLATIONS, LAMBDAS, SEEDS, Verdict, read_study, verdicts
from ui.widgets.escaping import plain

PARTS = {part for part, _ in SEEDS.values()} | {*LAMBDAS.values(), *ABLATIONS.values()}
LOOKS = {
    "reproduced": (":material/check_circle:", "blue"),
    "not reproduced": (":material/cancel:", "orange"),
    "not tested here": (":material/help:", "gray"),
}


def show_verdicts() -> None:
    """A card a finding; below the numbers the rule that decided."""
    st.markdown("#### What the paper found, and what was found here", anchors=False)
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts({part: read_study(part) for part in PARTS}):
        groups.setdefault(verdict.claim, []).append(verdict)
    items = list(groups.items())
    for start in range(0, len(items), 2):
        for column, (claim, rows) in zip(st.columns(2), items[start : start + 2], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.markdown(f"**{plain(claim)}**")
                for verdict in rows:
                    icon, colour = LOOKS[verdict.verdict]
                    st.markdown(
                        f":{colour}[{icon} {verdict.verdict}] on {plain(verdict.where)}: {plain(verdict.numbers)}"
                    )
                st.caption(f"Rule: {plain(rows[0].rule)}.")
    st.caption(
        "Points of mIoU with the 95 % bootstrap interval over the pictures; from the result files of the study in "
        "assets/results. "
        "Networks and data are not those of the paper, so “not reproduced” does not say that the paper is wrong."
    )
