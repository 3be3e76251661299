"""Figures of a whole graph: the same as those of networkx, and of counting by hand."""

from collections import defaultdict

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.supply import WholeGraph

edges = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(1, 100)).filter(lambda edge: edge[0] != edge[1]),
    max_size=30,
    unique_by=lambda edge: edge[:2],
)


def whole(ties: list[tuple[int, int, int]], firms: int = 12) -> WholeGraph:
    columns = ([tie[i] for tie in ties] for i in range(3))
    return WholeGraph(firms, *columns)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(edges)
def test_choke_points_are_those_whose_loss_parts_the_graph(ties: list[tuple[int, int, int]]) -> None:
    graph = nx.Graph([(a, b) for a, b, _ in ties])

    assert set(whole(ties).chokepoints().tolist()) == set(nx.articulation_points(graph))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(edges)
def test_a_single_source_is_the_only_supplier_of_a_firm(ties: list[tuple[int, int, int]]) -> None:
    suppliers = defaultdict(set)
    for supplier, buyer, _ in ties:
        suppliers[buyer].add(supplier)

    found = whole(ties).single_sources().tolist()

    assert found == [min(suppliers[firm]) if len(suppliers[firm]) == 1 else -1 for firm in range(12)]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(edges)
def test_with_every_firm_as_pivot_betweenness_ranks_by_the_ways_through_a_firm(
    ties: list[tuple[int, int, int]],
) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(12))
    graph.add_edges_from((a, b) for a, b, _ in ties)
    exact = nx.betweenness_centrality(graph, normalized=False)

    found = whole(ties).betweenness(2_000, seed=1)

    assert all(found[firm] == 0 for firm, ways in exact.items() if ways == 0)


def test_two_groups_that_hardly_know_each_other_are_two_communities() -> None:
    groups = [[(a, b, 90) for a in group for b in group if a < b] for group in (range(6), range(6, 12))]
    graph = whole([*groups[0], *groups[1], (0, 6, 1)])

    found = graph.communities(seed=3)

    assert len(set(found[:6])) == len(set(found[6:])) == 1
    assert found[0] != found[6]
    assert np.array_equal(found, graph.communities(seed=3))


def test_estimates_repeat_and_need_a_pivot() -> None:
    graph = whole([(i, i + 1, 10) for i in range(11)])

    assert np.array_equal(graph.betweenness(3, seed=5), graph.betweenness(3, seed=5))
    with pytest.raises(ValueError, match="pivot"):
        graph.betweenness(0, seed=5)


def test_a_graph_of_nobody_has_empty_figures() -> None:
    graph = whole([], firms=0)

    assert [len(figure) for figure in (graph.communities(1), graph.chokepoints(), graph.single_sources())] == [0, 0, 0]
