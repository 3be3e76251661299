"""Kernels: the few firms among which a plan is sought first, and those around a plan that is to be bettered.

A kernel decides nothing: every bound is one on the whole problem. See Guastaroba & Speranza 2012 for kernel search.
"""

from math import ceil

import numpy as np

from optimizer.bound import Bound
from optimizer.linear import Flags, Linear, Places

FIRMS = 40
"""How many firms a kernel has at least."""

FOR_EACH = 3
"""How many firms a kernel has for each member that the linear program would like to have."""


def ranked(linear: Linear, proved: Bound) -> Places:
    """Return the firms, those first that the linear program uses most, then by what they could gain at its prices."""
    used = np.round(proved.point[linear.members], 6)
    return np.lexsort((np.arange(len(used)), -proved.estimate.gain, -used))


def kernel_size(linear: Linear, proved: Bound) -> int:
    """Return how many firms a kernel has."""
    return FIRMS + FOR_EACH * ceil(float(proved.point[linear.members].sum()))


def neighbours(
    linear: Linear, firms: Places, best: tuple[int, tuple[int, ...]] | None, alive: Flags | None = None
) -> tuple[int, ...]:
    """Return the slots of some firms that are alive, and all slots of the members of the best plan."""
    chosen = np.zeros(len(linear.firms), dtype=bool)
    chosen[firms] = True
    kept = chosen[linear.firm_of_slot]
    if alive is not None:
        kept &= alive
    if best is not None:
        used = np.asarray(best[1]) > 0
        members = np.zeros(len(linear.firms), dtype=bool)
        members[linear.firm_of_slot[used]] = True
        kept |= members[linear.firm_of_slot]
    return tuple(np.flatnonzero(kept).tolist())
