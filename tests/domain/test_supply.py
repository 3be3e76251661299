"""The supply graph, held against plain walks and enumeration on small random graphs."""

from collections.abc import Sequence
from itertools import combinations, pairwise, product
from random import Random
from typing import Any
from uuid import UUID

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from domain.kinds import LinkKind
from domain.supply import Source, SupplyGraph, gaps, layers, strength
from domain.world import Link
from tests.strategies_worlds import links

chains = st.lists(links(), max_size=14)
firms = st.integers(1, 12).map(lambda number: UUID(int=2000 + number))


def supplies(supplier: int, buyer: int, **over: Any) -> Link:
    return Link(supplier_id=UUID(int=supplier), buyer_id=UUID(int=buyer), kind=LinkKind.SUPPLIES, year=2024, **over)


def flows(found: list[Link]) -> set[tuple[UUID, UUID]]:
    return {(link.supplier_id, link.buyer_id) for link in found if link.kind is LinkKind.SUPPLIES and real(link)}


def real(link: Link) -> bool:
    return link.supplier_id != link.buyer_id


def undirected(found: list[Link]) -> Any:
    graph = nx.Graph()
    graph.add_edges_from((link.supplier_id, link.buyer_id) for link in found if real(link))
    return graph


def distances(pairs: set[tuple[UUID, UUID]], start: UUID) -> dict[UUID, int]:
    """The oracle: how many steps each firm is from the start, by relaxing every edge as often as needed."""
    steps = {start: 0}
    for _ in range(len(pairs)):
        for tail, head in pairs:
            if tail in steps and steps[tail] + 1 < steps.get(head, 99):
                steps[head] = steps[tail] + 1
    return steps


@given(chains)
def test_every_firm_and_pair_that_was_disclosed_is_in_the_graph_once(found: list[Link]) -> None:
    graph = SupplyGraph.build(found)
    assert set(graph.firms) == {firm for link in found if real(link) for firm in (link.supplier_id, link.buyer_id)}
    keys = [(edge.supplier_id, edge.buyer_id, edge.kind) for edge in graph.edges]
    assert sorted(keys) == sorted({(link.supplier_id, link.buyer_id, link.kind) for link in found if real(link)})


@given(chains, st.randoms(use_true_random=False))
def test_the_order_in_which_links_come_changes_no_answer(found: list[Link], chance: Random) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    one, other = SupplyGraph.build(found), SupplyGraph.build(shuffled)
    assert one.edges == other.edges
    assert one.communities(seed=7) == other.communities(seed=7)
    for firm in one.firms:
        assert one.ego(firm, 2) == other.ego(firm, 2)
        assert one.shortest_tie(one.firms[0], firm) == other.shortest_tie(one.firms[0], firm)


@given(chains, chains, st.data())
def test_a_patched_graph_answers_like_one_built_anew(found: list[Link], added: list[Link], data: st.DataObject) -> None:
    removed = data.draw(st.lists(st.sampled_from(found), max_size=5)) if found else []
    patched = SupplyGraph.build(found).patch(added=added, removed=removed)
    anew = SupplyGraph.build([*(link for link in found if link not in removed), *added])
    assert (patched.firms, patched.edges, patched.chokepoints()) == (anew.firms, anew.edges, anew.chokepoints())


@given(st.lists(links(), min_size=1, max_size=6), links())
def test_one_more_disclosure_never_weakens_a_tie(found: list[Link], more: Link) -> None:
    assert 1 <= strength(found) <= strength([*found, more]) <= 100


def test_full_confidence_in_the_whole_share_is_full_strength_and_none_is_the_least() -> None:
    assert strength([supplies(1, 2, share=10_000, confidence=100)]) == 100
    assert strength([supplies(1, 2, confidence=0)]) == 1


def test_an_edge_tells_years_sources_and_the_latest_share() -> None:
    old = supplies(1, 2, share=300, source="annual report")
    new = Link(supplier_id=UUID(int=1), buyer_id=UUID(int=2), kind=LinkKind.SUPPLIES, year=2025, share=900, source="x")
    (edge,) = SupplyGraph.build([old, new, old]).edges
    assert (edge.first_year, edge.last_year, edge.share) == (2024, 2025, 900)
    assert edge.sources == ("annual report", "x")
    assert edge.strength == strength([old, new])


@given(chains, firms, st.integers(0, 5))
def test_a_firm_stands_in_the_tier_of_its_fewest_steps(found: list[Link], firm: UUID, tiers: int) -> None:
    graph = SupplyGraph.build(found)
    up = distances({(buyer, supplier) for supplier, buyer in flows(found)}, firm)
    down = distances(flows(found), firm)
    for answer, steps in ((graph.upstream(firm, tiers), up), (graph.downstream(firm, tiers), down)):
        assert {other: tier for tier, others in enumerate(answer, 1) for other in others} == {
            other: step for other, step in steps.items() if 0 < step <= tiers
        }


@given(chains, firms, firms)
def test_the_shortest_tie_is_a_chain_of_ties_and_none_is_shorter(found: list[Link], one: UUID, other: UUID) -> None:
    chain = SupplyGraph.build(found).shortest_tie(one, other)
    known = undirected(found)
    both = {(a, b) for a, b in known.edges} | {(b, a) for a, b in known.edges}
    fewest = distances(both, one).get(other) if one in known and other in known else None
    if fewest is None:
        assert chain == ()
    else:
        assert (chain[0], chain[-1], len(chain)) == (one, other, fewest + 1)
        assert all(step in both for step in pairwise(chain))


@given(chains, st.lists(firms, max_size=6))
def test_ties_among_firms_are_the_disclosed_pairs_among_them(found: list[Link], chosen: list[UUID]) -> None:
    graph = SupplyGraph.build(found)
    ties = graph.ties_among(chosen)
    expected = {(a, b): graph.strength(a, b) for a, b in combinations(sorted(set(chosen)), 2) if graph.strength(a, b)}
    assert {(tie.a, tie.b): tie.strength for tie in ties} == expected
    assert list(ties) == sorted(ties, key=lambda tie: (tie.a, tie.b))


@given(chains, firms, firms)
def test_strength_does_not_ask_who_supplies_and_counts_all_that_was_disclosed(
    found: list[Link], one: UUID, other: UUID
) -> None:
    between = {link for link in found if {link.supplier_id, link.buyer_id} == {one, other}} if one != other else set()
    graph = SupplyGraph.build(found)
    assert graph.strength(one, other) == graph.strength(other, one) == (strength(between) if between else 0)


@given(chains, firms, st.integers(0, 3))
def test_the_neighbourhood_holds_all_within_reach_and_every_edge_among_them(
    found: list[Link], firm: UUID, radius: int
) -> None:
    known = undirected(found)
    near = {firm} if firm not in known else set(nx.single_source_shortest_path_length(known, firm, cutoff=radius))
    around = SupplyGraph.build(found).ego(firm, radius)
    assert set(around.firms) == near
    assert set(around.edges) == {
        edge for edge in SupplyGraph.build(found).edges if {edge.supplier_id, edge.buyer_id} <= near
    }


@given(chains, st.lists(firms, max_size=5), st.integers(1, 3))
def test_a_shared_source_stands_upstream_of_at_least_two(found: list[Link], chosen: list[UUID], tiers: int) -> None:
    graph = SupplyGraph.build(found)
    above = {firm: {each for tier in graph.upstream(firm, tiers) for each in tier} for firm in chosen}
    everyone = set().union(*above.values()) if above else set()
    expected = {source: {firm for firm in above if source in above[firm]} for source in everyone}
    answer = graph.common_upstream(chosen, tiers)
    assert {source.firm: set(source.serves) for source in answer} == {k: v for k, v in expected.items() if len(v) > 1}
    assert [len(source.serves) for source in answer] == sorted((len(each.serves) for each in answer), reverse=True)


@given(chains)
def test_a_chokepoint_is_a_firm_whose_fall_leaves_more_parts(found: list[Link]) -> None:
    known = undirected(found)
    expected = []
    for firm in known:
        rest = known.copy()
        rest.remove_node(firm)
        if nx.number_connected_components(rest) > nx.number_connected_components(known):
            expected.append(firm)
    assert SupplyGraph.build(found).chokepoints() == tuple(sorted(expected))


def least_cut(pairs: dict[tuple[UUID, UUID], int], ends: set[UUID], buyer: UUID) -> int:
    """The oracle: the cheapest set of edges without which nothing arrives, by trying every side of the cut."""
    inner = sorted({firm for pair in pairs for firm in pair} - {buyer})
    best = None
    for sides in product((True, False), repeat=len(inner)):
        upper = {firm for firm, above in zip(inner, sides, strict=True) if above}
        if not upper >= ends & set(inner):
            continue
        cost = sum(weight for (tail, head), weight in pairs.items() if tail in upper and head not in upper)
        best = cost if best is None else min(best, cost)
    return best or 0


small_chains = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100)).filter(lambda each: each[0] != each[1]),
    max_size=9,
    unique_by=lambda each: each[:2],
)


@given(small_chains, st.integers(1, 3))
def test_criticality_is_the_part_of_the_least_cut_that_falls_with_a_firm(
    drawn: list[tuple[int, int, int]], tiers: int
) -> None:
    graph = SupplyGraph.build([supplies(tail, head, confidence=weight) for tail, head, weight in drawn])
    buyer = UUID(int=1)
    near = [firm for tier in graph.upstream(buyer, tiers) for firm in tier]
    last = graph.upstream(buyer, tiers)[-1] if near else ()
    weights = {
        (edge.supplier_id, edge.buyer_id): edge.strength
        for edge in graph.edges
        if edge.supplier_id in near and edge.buyer_id in (*near, buyer)
    }
    ends = {firm for firm in near if firm in last or all(head != firm for _, head in weights)}
    whole = least_cut(weights, ends, buyer)
    expected = {}
    for firm in near:
        rest = {pair: weight for pair, weight in weights.items() if firm not in pair}
        lost = whole - least_cut(rest, ends - {firm}, buyer)
        if lost:
            expected[firm] = 10_000 * lost // whole
    answer = graph.criticality(buyer, tiers)
    assert {each.firm: each.lost for each in answer} == expected
    assert [each.lost for each in answer] == sorted(expected.values(), reverse=True)


def test_a_hidden_single_source_is_fully_critical_and_one_of_two_equal_sources_half() -> None:
    single = SupplyGraph.build([supplies(9, 2), supplies(9, 3), supplies(2, 1), supplies(3, 1)])
    assert {each.firm.int: each.lost for each in single.criticality(UUID(int=1), 2)} == {9: 10_000, 2: 5_000, 3: 5_000}
    assert SupplyGraph.build([]).criticality(UUID(int=1), 2) == ()


@given(chains, st.integers(0, 2**31))
def test_communities_part_all_firms_and_the_same_seed_gives_the_same(found: list[Link], seed: int) -> None:
    graph = SupplyGraph.build(found)
    groups = graph.communities(seed)
    assert sorted(firm for group in groups for firm in group) == list(graph.firms)
    assert groups == SupplyGraph.build(found).communities(seed)
    for group in groups:
        assert nx.is_connected(undirected(found).subgraph(group))


wanted = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), max_size=4)
sources = st.lists(
    st.builds(
        Source,
        id=st.sampled_from(["F1", "F2", "F3", "F4"]),
        packages=st.lists(st.sampled_from("abcd"), max_size=3, unique=True).map(tuple),
        capacity=st.one_of(st.none(), st.integers(0, 9)),
    ),
    max_size=4,
    unique_by=lambda source: source.id,
)


def shortfall(group: Sequence[str], asked: dict[str, int], offered: list[Source]) -> int:
    """What a set of packages asks beyond all that serves any of it; below everything where a capacity is open."""
    serving = [source for source in offered if set(source.packages) & set(group)]
    if any(source.capacity is None for source in serving):
        return -1
    return sum(asked[package] for package in group) - sum(source.capacity or 0 for source in serving)


@given(wanted, sources)
def test_the_gaps_sum_up_to_the_worst_shortfall_of_any_set_of_packages(
    asked: dict[str, int], offered: list[Source]
) -> None:
    found = gaps(asked, offered)
    groups = [group for size in range(len(asked) + 1) for group in combinations(sorted(asked), size)]
    assert sum(gap.missing for gap in found) == max(0, *(shortfall(group, asked, offered) for group in groups))
    for gap in found:
        assert gap.missing == shortfall(gap.packages, asked, offered) > 0
        assert set(gap.sources) == {source.id for source in offered if set(source.packages) & set(gap.packages)}


@given(wanted, sources)
def test_each_gap_is_the_smallest_set_that_explains_its_shortfall(asked: dict[str, int], offered: list[Source]) -> None:
    for gap in gaps(asked, offered):
        for size in range(len(gap.packages)):
            for part in combinations(gap.packages, size):
                assert shortfall(part, asked, offered) < gap.missing


acyclic = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]), max_size=12
).map(lambda pairs: [(f"n{tail}", f"n{head}") for tail, head in pairs])
names = st.sampled_from([f"n{number}" for number in range(9)])


@given(acyclic)
def test_whatever_follows_stands_further_right(pairs: list[tuple[str, str]]) -> None:
    column = {name: number for number, names in enumerate(layers(pairs)) for name in names}
    assert all(column[tail] < column[head] for tail, head in pairs)


@given(st.lists(st.tuples(names, names), max_size=12), st.lists(names, max_size=3))
def test_each_node_stands_once_even_in_a_circle(pairs: list[tuple[str, str]], alone: list[str]) -> None:
    drawn = [name for column in layers(pairs, alone) for name in column]
    assert sorted(drawn) == sorted({name for pair in pairs for name in pair} | set(alone))


def crossings(pairs: list[tuple[str, str]], columns: Sequence[Sequence[str]]) -> int:
    place = {name: (number, at) for number, names in enumerate(columns) for at, name in enumerate(names)}
    return sum(
        place[a][0] == place[c][0]
        and place[b][0] == place[d][0]
        and (place[a][1] - place[c][1]) * (place[b][1] - place[d][1]) < 0
        for (a, b), (c, d) in combinations(sorted(set(pairs)), 2)
    )


@given(acyclic)
def test_the_drawing_crosses_no_more_than_the_alphabetical_one(pairs: list[tuple[str, str]]) -> None:
    drawn = layers(pairs)
    assert crossings(pairs, drawn) <= crossings(pairs, [sorted(column) for column in drawn])


def test_a_drawing_that_can_do_without_crossings_does() -> None:
    pairs = [("a", "z"), ("b", "y"), ("c", "x")]
    assert crossings(pairs, layers(pairs)) == 0
