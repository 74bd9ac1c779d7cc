"""What the server keeps of each page that is open, and of each program that calls: little.

Gradio keeps a copy of the configuration of every component for each of them, a megabyte here, for
links that this page makes in its own way.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from gradio.state_holder import SessionState, StateHolder


class Sessions(OrderedDict[str, SessionState]):
    """The states of sessions, without copies of the page."""

    def __setitem__(self, session: str, state: SessionState) -> None:
        state.config_values = {}
        super().__setitem__(session, state)


def lighten(holder: StateHolder) -> StateHolder:
    """Let a holder that has no sessions yet keep little of each."""
    holder.session_data = Sessions()
    return holder


def forget(app: Any, session: str) -> None:
    """Drop the state of a session that nobody comes back to."""
    app.state_holder.session_data.pop(session, None)
    app.state_holder.time_last_used.pop(session, None)
