"""Who is likely to supply whom, learned from disclosed ties: find the supplier a buyer has not thought of.

Seven signals speak for a supplier s of a buyer b; each is a row over all firms:

- *industry*: log lift of s's industry among the suppliers of b's industry, backed off to sectors;
- *scope* and *products*: how alike their texts are written (tf-idf over character 2- to 4-grams, cosine);
- *meaning*: cosine of the mean vectors of what they offer;
- *place*: same province;
- *analogy*: Σ over known ties (s′, b′) of kin(b, b′) × kin(s, s′), the pairwise kernel of link prediction
  (Ben-Hur & Noble 2005, doi:10.1093/bioinformatics/bti1016);
- *peers*: Σ over known ties (s, b′) of kin(b, b′): firms like the buyer already buy there.

Their weights are those of a multinomial logit (McFadden 1974): the chance that b's supplier is s, among all firms.
They are learned by cross-fitting: the signals of a buyer's ties are made from other buyers' ties only, since a tie
that explains itself teaches nothing. A supplier the buyer already has stands first: of the ties disclosed for 2017
half came back in 2018.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

Array = NDArray[np.float64]
Ties = Sequence[tuple[int, int]]
"""Known ties as (supplier, buyer), firms numbered as in the traits."""

SIGNALS = ("industry", "scope", "products", "meaning", "place", "analogy", "peers")
BUCKETS = 2**18
FOLDS = 5
RIDGE = 3.0
INDUSTRY_BACKING, SECTOR_BACKING = 5.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traits:
    """What is known of all firms, one entry a firm.

    An industry is a code whose first letter is its sector (C38). ``meaning`` has a row a firm, of unit length, or
    zeros where nothing is known.
    """

    industries: tuple[str, ...]
    places: tuple[str, ...]
    scopes: tuple[str, ...]
    products: tuple[str, ...]
    meaning: NDArray[np.float32]


class Likeness:
    """How alike any firms are; their texts are read once."""

    def __init__(self, traits: Traits) -> None:
        self.traits = traits
        self._scopes = grams(traits.scopes)
        self._products = grams(traits.products)

    def to_all(self, firms: Sequence[int]) -> tuple[Array, Array, Array]:
        """Return the likeness of some firms to all: by scope, by products, by meaning (never below 0)."""
        chosen = list(firms)
        scope = (self._scopes[chosen] @ self._scopes.T).toarray()
        products = (self._products[chosen] @ self._products.T).toarray()
        meaning = self.traits.meaning
        return scope, products, np.maximum(meaning[chosen] @ meaning.T, 0).astype(np.float64)


def grams(texts: Sequence[str]) -> Any:
    """Return tf-idf rows of unit length over hashed character 2- to 4-grams; an empty text is a row of zeros.

    >>> rows = grams(["电力电缆", "电力电缆", "葡萄酒"])
    >>> (rows @ rows.T).toarray().round(2).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    counted = [Counter(crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in _pieces(text)) for text in texts]
    starts = np.cumsum([0, *(len(counts) for counts in counted)])
    columns = np.fromiter((column for counts in counted for column in counts), dtype=np.int32, count=starts[-1])
    values = 1 + np.log(np.fromiter((n for counts in counted for n in counts.values()), np.float64, starts[-1]))
    holders = np.bincount(columns, minlength=BUCKETS)
    values *= np.log((1 + len(texts)) / (1 + holders[columns])) + 1
    rows = sparse.csr_matrix((values, columns, starts), shape=(len(texts), BUCKETS))
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1))).ravel()
    return sparse.diags(1 / np.where(lengths > 0, lengths, 1)) @ rows


def _pieces(text: str) -> Iterable[str]:
    return (text[at : at + size] for size in (2, 3, 4) for at in range(len(text) - size + 1))


def industry_lift(industries: Sequence[str], ties: Ties) -> dict[tuple[str, str], float]:
    """Return log P(supplier's industry | buyer's industry) / P(industry), for each (buyer's, supplier's) industry.

    Counts are backed by those of the sectors (first letters), and these by how common the sectors are, so that an
    industry never seen as a buyer takes over its sector's habits.

    >>> lift = industry_lift(["C38", "C39", "D44", "D44"], [(0, 2), (0, 3)])
    >>> lift["D44", "C38"] > 0 > lift["D44", "D44"]
    True
    """
    common = Counter(industries)
    sectors = Counter(industry[:1] for industry in industries)
    bought = Counter((industries[buyer], industries[supplier]) for supplier, buyer in ties)
    buying = Counter(industries[buyer] for _, buyer in ties)
    bought_by_sector = Counter((industries[buyer][:1], industries[supplier][:1]) for supplier, buyer in ties)
    buying_by_sector = Counter(industries[buyer][:1] for _, buyer in ties)
    lift = {}
    for buyer in common:
        for supplier in common:
            sector, usual = supplier[:1], sectors[supplier[:1]] / len(industries)
            backing = (bought_by_sector[buyer[:1], sector] + SECTOR_BACKING * usual) / (
                buying_by_sector[buyer[:1]] + SECTOR_BACKING
            )
            backing *= common[supplier] / sectors[sector]
            chance = (bought[buyer, supplier] + INDUSTRY_BACKING * backing) / (buying[buyer] + INDUSTRY_BACKING)
            lift[buyer, supplier] = float(np.log(chance * len(industries) / common[supplier]))
    return lift


class Habits:
    """What known ties say about any buyer: the signals, one column each."""

    def __init__(self, likeness: Likeness, ties: Ties) -> None:
        self._likeness = likeness
        self._suppliers = np.array([supplier for supplier, _ in ties], dtype=np.intp)
        self._buyers = np.array([buyer for _, buyer in ties], dtype=np.intp)
        self._lift = industry_lift(likeness.traits.industries, ties)
        self._kin = self._kin_of_suppliers()

    def _kin_of_suppliers(self) -> Array:
        """Return a row for each tie: how alike its supplier is to every firm."""
        distinct, back = np.unique(self._suppliers, return_inverse=True)
        scope, products, meaning = self._likeness.to_all([int(firm) for firm in distinct])
        kin: Array = ((scope + products + meaning) ** 2)[back]
        return kin

    def signals(self, buyer: int) -> Array:
        """Return the signals for a buyer: a row a firm, a column a signal, in the order of SIGNALS."""
        traits = self._likeness.traits
        scope, products, meaning = (rows[0] for rows in self._likeness.to_all([buyer]))
        own = traits.industries[buyer]
        same = np.array([traits.industries[other] == own for other in self._buyers], dtype=np.float64)
        kin = (scope[self._buyers] + meaning[self._buyers] + same / 2) ** 2
        columns = (
            np.array([self._lift[own, industry] for industry in traits.industries]),
            np.log(scope + 0.01),
            np.log(products + 0.01),
            meaning,
            np.array([place == traits.places[buyer] for place in traits.places], dtype=np.float64),
            np.log(kin @ self._kin + 0.05),
            np.log(np.bincount(self._suppliers, weights=kin, minlength=len(scope)) + 0.02),
        )
        return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affinity:
    """A learned sense of who supplies whom; see `learn`."""

    habits: Habits
    ties: tuple[tuple[int, int], ...]
    mean: Array
    deviation: Array
    weights: Array

    def scores(self, buyer: int) -> Array:
        """Return a score for each firm as a supplier of the buyer; the buyer itself gets minus infinity."""
        scores: Array = (self.habits.signals(buyer) - self.mean) / self.deviation @ self.weights
        scores[buyer] = -np.inf
        return scores


def learn(traits: Traits, ties: Iterable[tuple[int, int]], *, folds: int = FOLDS, ridge: float = RIDGE) -> Affinity:
    """Learn from known ties (supplier, buyer) who supplies whom. No chance in it: same ties, same weights.

    Without ties, or with those of one buyer only, the signals weigh the same.

    Note: seconds for 3,900 firms and 400 ties; grows with ties × firms.

    >>> industries = ("C36", "C38", "C36", "C38", "G54", "G54")
    >>> text = ("整车", "电池", "客车", "锂电池", "货运", "物流")
    >>> nothing = np.zeros((6, 2), np.float32)
    >>> traits = Traits(industries=industries, places=("",) * 6, scopes=text, products=text, meaning=nothing)
    >>> rank_suppliers(learn(traits, [(1, 0)]), 2, limit=2)
    (1, 3)
    """
    known = tuple(sorted(set(ties)))
    likeness = Likeness(traits)
    habits = Habits(likeness, known)
    count = len(SIGNALS)
    if len({buyer for _, buyer in known}) < 2:
        zero, one = np.zeros(count), np.ones(count)
        return Affinity(habits=habits, ties=known, mean=zero, deviation=one, weights=one)
    lessons = list(_lessons(likeness, known, folds))
    everything = np.concatenate([signals for signals, _, _ in lessons])
    mean, deviation = everything.mean(axis=0), everything.std(axis=0)
    deviation[deviation == 0] = 1
    scaled = [((signals - mean) / deviation, buyer, suppliers) for signals, buyer, suppliers in lessons]
    found = optimize.minimize(_unlikeliness, np.zeros(count), args=(scaled, ridge), jac=True, method="L-BFGS-B")
    return Affinity(habits=habits, ties=known, mean=mean, deviation=deviation, weights=found.x)


Lesson = tuple[Array, int, list[int]]
"""A buyer's signals, the buyer, its suppliers."""


def _lessons(likeness: Likeness, known: Ties, folds: int) -> Iterator[Lesson]:
    """Yield each buyer with signals made from the ties of the buyers of other folds only."""
    buyers = sorted({buyer for _, buyer in known})
    for fold in range(min(folds, len(buyers))):
        part = buyers[fold::folds]
        habits = Habits(likeness, [tie for tie in known if tie[1] not in part])
        for buyer in part:
            yield habits.signals(buyer), buyer, [supplier for supplier, other in known if other == buyer]


def _unlikeliness(weights: Array, lessons: Sequence[Lesson], ridge: float) -> tuple[float, Array]:
    """Return the negative log likelihood of all suppliers under a ridge, and its gradient."""
    loss = ridge * float(weights @ weights)
    gradient = 2 * ridge * weights
    for signals, buyer, suppliers in lessons:
        scores = signals @ weights
        scores[buyer] = -np.inf
        highest = scores.max()
        chances = np.exp(scores - highest)
        total = chances.sum()
        loss += len(suppliers) * (highest + np.log(total)) - scores[suppliers].sum()
        gradient = gradient + len(suppliers) * (chances / total) @ signals - signals[suppliers].sum(axis=0)
    return loss, gradient


def rank_suppliers(affinity: Affinity, buyer: int, *, limit: int | None = None) -> tuple[int, ...]:
    """Rank all other firms as suppliers of a buyer, the likeliest first.

    Those it already buys from stand first; equal scores keep the order of the firms.

    >>> text = ("整车", "电池", "锂电池")
    >>> traits = Traits(
    ...     industries=("C36", "C38", "C38"), places=("", "", ""), scopes=text, products=text,
    ...     meaning=np.zeros((3, 2), np.float32),
    ... )
    >>> rank_suppliers(learn(traits, [(2, 0)]), 0)
    (2, 1)
    """
    known = {supplier for supplier, other in affinity.ties if other == buyer}
    scores = affinity.scores(buyer)
    order = sorted(
        (firm for firm in range(len(scores)) if firm != buyer), key=lambda firm: (firm not in known, -scores[firm])
    )
    return tuple(order[:limit])
