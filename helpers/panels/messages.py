"""Lines of a panel that screen readers read out: what goes on, and what was wrong."""

from __future__ import annotations

from html import escape


def notice(text: str) -> str:
    """The HTML of what goes on; none where there is nothing to say."""
    return f'<span role="status">{escape(text)}</span>' if text else ""


def sentence(error: Exception) -> str:
    """What to tell of an error: errors meant for the user explain themselves, others by their name too."""
    meant = isinstance(error, (ValueError, OSError, FloatingPointError))
    return str(error) if meant and str(error) else f"This did not work: {type(error).__name__}: {error}"


def complaint(text: str) -> str:
    """The HTML of what was wrong."""
    return f'<b role="alert" style="color: #b00020">{escape(text)}</b>'
