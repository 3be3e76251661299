"""Who supplies whom: what is learned from disclosed ties, on a small made-up economy with a known habit."""

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coalitions.affinity import SIGNALS, Habits, Likeness, Traits, grams, industry_lift, learn, rank_suppliers

MAKERS, CELLS, PAPER = range(0, 6), range(6, 12), range(12, 18)
KINDS = (("C36", "电动客车 整车 制造"), ("C38", "锂电池 电芯 电池组"), ("C22", "造纸 纸浆 包装"))


def economy() -> Traits:
    """Six bus makers, six battery makers, six paper mills; firms of one kind say nearly the same of themselves."""
    industries, scopes = [], []
    for industry, scope in KINDS:
        for number in range(6):
            industries.append(industry)
            scopes.append(f"{scope} {'甲乙丙丁戊己'[number]}型")
    meaning = np.repeat(np.eye(3, dtype=np.float32), 6, axis=0)
    return Traits(
        industries=tuple(industries),
        places=("广东省", "江苏省") * 9,
        scopes=tuple(scopes),
        products=tuple(scopes),
        meaning=meaning,
    )


TIES = [(6, 0), (7, 1), (8, 2), (9, 3), (12, 13), (14, 15)]


def test_a_bus_maker_without_known_suppliers_is_led_to_battery_makers() -> None:
    ranking = rank_suppliers(learn(economy(), TIES), 5)
    assert set(ranking[:6]) == set(CELLS)


def test_a_known_supplier_stands_first_and_the_buyer_itself_nowhere() -> None:
    affinity = learn(economy(), [*TIES, (17, 5)])
    assert rank_suppliers(affinity, 5)[0] == 17
    assert sorted(rank_suppliers(affinity, 5)) == [firm for firm in range(18) if firm != 5]
    assert affinity.scores(5)[5] == -np.inf


def test_a_limit_cuts_the_ranking() -> None:
    affinity = learn(economy(), TIES)
    assert rank_suppliers(affinity, 5, limit=3) == rank_suppliers(affinity, 5)[:3]


def test_the_order_of_ties_and_repeated_ties_change_nothing() -> None:
    one, other = learn(economy(), TIES), learn(economy(), [*reversed(TIES), *TIES])
    assert np.array_equal(one.weights, other.weights)
    assert np.array_equal(one.scores(5), other.scores(5))


@pytest.mark.parametrize("ties", [[], [(6, 0)]])
def test_too_few_ties_to_learn_from_leave_all_signals_their_equal_weight(ties: list[tuple[int, int]]) -> None:
    affinity = learn(economy(), ties)
    assert affinity.weights.tolist() == [1.0] * len(SIGNALS)
    assert len(rank_suppliers(affinity, 5)) == 17


def test_what_was_learned_makes_the_disclosed_ties_likelier_than_chance() -> None:
    affinity = learn(economy(), TIES)
    for supplier, buyer in TIES:
        others = np.delete(affinity.scores(buyer), buyer)
        assert affinity.scores(buyer)[supplier] > others.mean()


def test_a_known_tie_raises_the_signals_of_its_own_supplier_and_of_firms_like_it() -> None:
    likeness = Likeness(economy())
    before, after = Habits(likeness, TIES).signals(5), Habits(likeness, [*TIES, (17, 5)]).signals(5)
    peers, analogy = SIGNALS.index("peers"), SIGNALS.index("analogy")
    assert after[17, peers] > before[17, peers]
    assert (after[list(PAPER), analogy] > before[list(PAPER), analogy]).all()


def plain_tf_idf(texts: list[str]) -> list[dict[str, float]]:
    """The oracle: the same weights by dictionaries."""
    counted = [Counter(t[at : at + n] for n in (2, 3, 4) for at in range(len(t) - n + 1)) for t in texts]
    holders = Counter(gram for counts in counted for gram in counts)
    rows = [
        {g: (1 + log(n)) * (log((1 + len(texts)) / (1 + holders[g])) + 1) for g, n in counts.items()}
        for counts in counted
    ]
    return [{g: v / sqrt(sum(w * w for w in row.values())) for g, v in row.items()} for row in rows]


@given(st.lists(st.text("电池缆纸", max_size=6), min_size=1, max_size=5))
def test_likeness_of_texts_is_the_cosine_of_their_weighed_grams(texts: list[str]) -> None:
    found = (lambda rows: (rows @ rows.T).toarray())(grams(texts))
    plain = plain_tf_idf(texts)
    for a, one in enumerate(plain):
        for b, other in enumerate(plain):
            assert found[a, b] == pytest.approx(sum(one[g] * other.get(g, 0) for g in one), abs=1e-9)


industries = st.lists(st.sampled_from(["C36", "C38", "D44", "G54"]), min_size=2, max_size=8)


@given(industries, st.data())
def test_the_chances_behind_the_lift_of_a_buying_industry_sum_to_one(listed: list[str], data: st.DataObject) -> None:
    firm = st.integers(0, len(listed) - 1)
    ties = data.draw(st.lists(st.tuples(firm, firm), max_size=8))
    lift = industry_lift(listed, ties)
    common = Counter(listed)
    for buyer in common:
        chances = [np.exp(lift[buyer, supplier]) * common[supplier] / len(listed) for supplier in common]
        assert sum(chances) == pytest.approx(1)
