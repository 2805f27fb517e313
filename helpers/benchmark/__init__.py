"""How fast configurations are, each in its own process, side by side: runs, figures, plots.

May import: engines, models, stable_diffusion.
"""

from helpers.benchmark.figures import break_even, name_of, seconds, share_of_peak, table
from helpers.benchmark.machine import machine
from helpers.benchmark.runs import configuration, fitting, in_turn, limits, run

__all__ = [
    "break_even",
    "configuration",
    "fitting",
    "in_turn",
    "limits",
    "machine",
    "name_of",
    "run",
    "seconds",
    "share_of_peak",
    "table",
]
