"""How much words of a prompt weigh, written in brackets as AUTOMATIC1111's web UI reads them."""

from __future__ import annotations

import re

import numpy as np

# An escaped bracket or backslash; the weight at the end of a round bracket; a bracket.
_MARK = re.compile(r"\\(?P<escaped>[\\()\[\]])|:\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)|(?P<bracket>[()\[\]])")
_OPENING = {")": "(", "]": "["}
_FACTOR = {"(": 1.1, "[": 1 / 1.1}


def weighted_parts(prompt: str) -> list[tuple[str, float]]:
    """The prompt's text without the brackets, in parts of one weight.

    "(words:1.3)" weigh 1.3, "(words)" 1.1 and "[words]" 1 / 1.1; brackets in brackets are multiplied. "\\(" and its
    like are the bracket itself, and so is a closing one that nothing opened. One left open reaches to the end.
    (github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis; its [from:to:when] is not read.)
    """
    parts: list[tuple[str, float]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}  # before which parts brackets of each kind were opened

    def multiply(begin: int, factor: float) -> None:
        parts[begin:] = [(text, weight * factor) for text, weight in parts[begin:]]

    end = 0
    for mark in _MARK.finditer(prompt):
        parts.append((prompt[end : mark.start()], 1.0))
        end = mark.end()
        bracket, weight = mark["bracket"], mark["weight"]
        kind = "(" if weight else _OPENING.get(bracket)
        if bracket in opened:
            opened[bracket].append(len(parts))
        elif kind and opened[kind]:
            multiply(opened[kind].pop(), float(weight) if weight else _FACTOR[kind])
        else:
            parts.append((mark["escaped"] or mark[0], 1.0))
    parts.append((prompt[end:], 1.0))
    for kind, begins in opened.items():
        for begin in begins:
            multiply(begin, _FACTOR[kind])
    return _joined(parts)


def _joined(parts: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one weight as one, so that brackets alone cut no word."""
    joined: list[tuple[str, float]] = []
    for text, weight in parts:
        if not text:
            continue
        if joined and joined[-1][1] == weight:
            text = joined.pop()[0] + text
        joined.append((text, weight))
    return joined


def weighted(context: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each token's vector times its weight, and all then by one factor, so that their mean is what it was.

    context: (1, tokens, width); weights: (tokens,).
    (github.com/AUTOMATIC1111/stable-diffusion-webui, modules/sd_emphasis.py, "Original".)
    """
    if np.all(weights == 1):
        return context  # to the bit
    multiplied = context * weights[:, None]
    mean = context.mean()
    # a mean of nearly nought, as the pocket model's contexts have, is chance, and so would the factor be
    return multiplied * (mean / multiplied.mean()) if abs(mean) > 0.005 * context.std() else multiplied
