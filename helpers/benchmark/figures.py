"""What measured rows say: their share of the machine's peak, when a slow start has paid, and a table."""

from __future__ import annotations

import math


def name_of(row: dict) -> str:
    return " ".join(filter(None, [row["peer"], row["engine"], row["precision"]]))


def share_of_peak(rows: list[dict], told: dict) -> None:
    """Notes for each row the machine's matmul peak in its precision, and how much of it its steps reach.

    The operations are the network's own; a row that takes fewer, by a shorter way, can reach more than the peak.
    """
    for row in rows:
        if peak := told.get("peaks", {}).get(row["precision"]):
            row |= dict(operations=told["operations"], peak=peak)
            if "ms" in row:
                row["share_of_peak"] = told["operations"] / (row["ms"] / 1000) / peak


def seconds(row: dict, pictures: int) -> float:
    """From the start of the process to the end of so many pictures, from 1; of a row with pictures."""
    return row["cold_s"] + row["first_picture_s"] + (pictures - 1) * row["picture_s"]


def break_even(slow_start: dict, quick_start: dict) -> int | None:
    """How many pictures it takes until the side with the slower start has made up for it; None: it never does."""
    gain = quick_start["picture_s"] - slow_start["picture_s"]
    return max(1, math.ceil(1 + (seconds(slow_start, 1) - seconds(quick_start, 1)) / gain)) if gain > 0 else None


def table(rows: list[dict], turn: str = "ms a guided step") -> str:
    """The rows as lines of text, the fastest first. turn: what was measured."""
    headings = f"{'':28}{'cold, s':>8}{turn:>18}{'least…most':>14}{'÷ first':>9}{'of peak':>9}"
    lines = [f"{headings}{'picture, s':>12}{'GB':>6}"]
    for row in sorted(rows, key=lambda row: row.get("ms", float("inf"))):
        if "error" in row:
            lines.append(f"{name_of(row):28}{row['error']}")
            continue
        spread = f"{row['ms_least']:.0f}…{row['ms_most']:.0f}"
        share = f"{row['share_of_peak']:.0%}" if "share_of_peak" in row else ""
        picture = f"{row['picture_s']:.2f}" if "picture_s" in row else ""
        lines.append(
            f"{name_of(row):28}{row['cold_s']:>8.1f}{row['ms']:>18.1f}{spread:>14}"
            f"{row.get('times_the_first', math.nan):>9.2f}{share:>9}{picture:>12}{row['host_gb']:>6.1f}"
        )
    return "\n".join(lines)
