"""Who may read what a firm declares: one tier a field, and what a reader has to be for it.

Tiers are nested: what a matched party may read, one bound to confidentiality may read too. Nobody but the firm itself
reads what is the solver's alone.
"""

from collections.abc import Mapping
from types import MappingProxyType

from domain.kinds import DeclaredField, Disclosure

USUAL: Mapping[DeclaredField, Disclosure] = MappingProxyType(
    {
        DeclaredField.UNIT_PRICE: Disclosure.SOLVER,
        DeclaredField.MONTHLY_QUANTITY: Disclosure.SOLVER,
        DeclaredField.LEAD_DAYS: Disclosure.MATCHED,
        DeclaredField.COUNTRIES: Disclosure.MATCHED,
        DeclaredField.CERTIFICATES: Disclosure.MATCHED,
        DeclaredField.CONTACT: Disclosure.NDA,
        DeclaredField.TURNOVER: Disclosure.SOLVER,
    }
)
"""What holds for a field of which a firm has said nothing."""

ORDER = tuple(Disclosure)
"""From the fewest readers to the most."""


def readable(tier: Disclosure, standing: Disclosure | None) -> bool:
    """Tell whether a reader of this standing may read a field of this tier; the firm itself has None.

    >>> readable(Disclosure.MATCHED, Disclosure.NDA), readable(Disclosure.MATCHED, Disclosure.PUBLIC)
    (True, False)
    >>> readable(Disclosure.SOLVER, Disclosure.NDA), readable(Disclosure.SOLVER, None)
    (False, True)
    """
    return standing is None or (tier is not Disclosure.SOLVER and ORDER.index(tier) >= ORDER.index(standing))


def shown_to_matched(tier: Disclosure) -> bool:
    """Tell whether the parties a firm is matched with may read a field of this tier.

    >>> [tier.value for tier in ORDER if shown_to_matched(tier)]
    ['matched', 'public']
    """
    return readable(tier, Disclosure.MATCHED)
