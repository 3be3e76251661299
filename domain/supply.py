"""The supply graph: who supplies whom, how firmly, and what that means; the one door to networkx and networkit.

What several years and sources say about one pair is folded into one edge with a strength from 1 to 100:

    weight   of one disclosure = confidence × (1 + √share) / 2     share as a part of 1, absent: 0
    strength of a pair         = 100 × (1 − Π (1 − weight))        the noisy-or of independent evidence

(Pearl 1988, *Probabilistic Reasoning in Intelligent Systems*, §4.3.) More years, more sources, a larger share of the
buyer's purchases or more confidence never make a tie weaker. The root is there because disclosed shares are skewed:
a supplier with 9 % of purchases is a main one.

Sizes in the notes: n firms and m edges of the whole graph, n′ and m′ of the part that is looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from math import isqrt, prod
from typing import Any
from uuid import UUID

import networkit
import networkx as nx
import numpy as np
from numpy.typing import NDArray

from domain.kinds import LinkKind
from domain.world import Link

WHOLE = 10_000
SWEEPS = 4
Pair = tuple[UUID, UUID]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Everything known about one firm supplying another, or having been its partner, over the years."""

    supplier_id: UUID
    buyer_id: UUID
    kind: LinkKind
    strength: int
    share: int | None
    first_year: int
    last_year: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """How firmly two firms are tied, whoever supplies; ``a`` is the smaller id."""

    a: UUID
    b: UUID
    strength: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """The part of the graph around one firm."""

    firms: tuple[UUID, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSource:
    """A firm on which several others hang, perhaps without their knowing it."""

    firm: UUID
    serves: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criticality:
    """What a buyer loses of its inflow, in basis points, when one firm stands still."""

    firm: UUID
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Units that could be had from one capacity (a firm's, or a pool of it), for any of several packages."""

    id: str
    packages: tuple[str, ...]
    capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Packages that together ask for more than all who could serve any of them can give."""

    packages: tuple[str, ...]
    sources: tuple[str, ...]
    wanted: int
    available: int

    @property
    def missing(self) -> int:
        """The units that nobody can give."""
        return self.wanted - self.available


def strength(links: Iterable[Link]) -> int:
    """Return the strength, 1 to 100, of a pair of firms from all that was disclosed about it.

    Note: exact in integers, so that the order of disclosures does not matter.

    >>> a, b = UUID(int=1), UUID(int=2)
    >>> once = Link(supplier_id=a, buyer_id=b, kind=LinkKind.SUPPLIES, year=2017, share=900, confidence=80)
    >>> again = Link(supplier_id=a, buyer_id=b, kind=LinkKind.SUPPLIES, year=2018, share=900, confidence=80)
    >>> strength([once]), strength([once, again])
    (52, 77)
    """
    rests = [WHOLE - link.confidence * (100 + isqrt(link.share or 0)) // 2 for link in links]
    unproven: int = prod(rests)
    certain: int = prod(WHOLE for _ in rests)
    return max(1, (200 * (certain - unproven) + certain) // (2 * certain))


def _fold(links: Sequence[Link]) -> Edge:
    newest = max(links, key=lambda link: (link.year, link.share or 0))
    return Edge(
        supplier_id=newest.supplier_id,
        buyer_id=newest.buyer_id,
        kind=newest.kind,
        strength=strength(links),
        share=newest.share,
        first_year=min(link.year for link in links),
        last_year=newest.year,
        sources=tuple(sorted({link.source for link in links if link.source})),
    )


def _pair(a: UUID, b: UUID) -> Pair:
    return (a, b) if a < b else (b, a)


class SupplyGraph:
    """All firms and ties of one World; built once, never changed.

    >>> mine, smelter, cells, pack, bus = (UUID(int=n) for n in range(1, 6))
    >>> def supplies(supplier, buyer, year=2024):
    ...     return Link(supplier_id=supplier, buyer_id=buyer, kind=LinkKind.SUPPLIES, year=year, confidence=100)
    >>> chain = [supplies(mine, smelter), supplies(smelter, cells), supplies(cells, pack), supplies(pack, bus)]
    >>> graph = SupplyGraph.build(chain)
    >>> len(graph.firms), len(graph.edges)
    (5, 4)
    """

    def __init__(self, disclosed: Mapping[tuple[UUID, UUID, LinkKind], tuple[Link, ...]]) -> None:
        self._disclosed = disclosed
        self._edges = {key: _fold(disclosed[key]) for key in sorted(disclosed)}
        self._flow = nx.DiGraph()
        self._ties = nx.Graph()
        pairs: dict[Pair, list[Link]] = defaultdict(list)
        for (supplier, buyer, kind), edge in self._edges.items():
            pairs[_pair(supplier, buyer)].extend(disclosed[supplier, buyer, kind])
            if kind is LinkKind.SUPPLIES:
                self._flow.add_edge(supplier, buyer, capacity=edge.strength)
        self._ties.add_nodes_from(sorted({firm for pair in pairs for firm in pair}))
        self._ties.add_edges_from((a, b, {"strength": strength(pairs[a, b])}) for a, b in sorted(pairs))

    @classmethod
    def build(cls, links: Iterable[Link]) -> "SupplyGraph":
        """Fold links into a graph; a link given twice counts once, one from a firm to itself not at all.

        Note: O(m log m); 0.3 s for the 17,000 named links of the real disclosures.

        >>> len(SupplyGraph.build([]).firms)
        0
        """
        disclosed: dict[tuple[UUID, UUID, LinkKind], list[Link]] = defaultdict(list)
        for link in dict.fromkeys(links):
            if link.supplier_id != link.buyer_id:
                disclosed[link.supplier_id, link.buyer_id, link.kind].append(link)
        return cls({key: tuple(found) for key, found in disclosed.items()})

    def patch(self, added: Iterable[Link] = (), removed: Iterable[Link] = ()) -> "SupplyGraph":
        """Return the graph with links added and others taken away, equal to one built anew.

        Note: as `build`.

        >>> a, b = UUID(int=1), UUID(int=2)
        >>> link = Link(supplier_id=a, buyer_id=b, kind=LinkKind.PARTNERED, year=2024)
        >>> graph = SupplyGraph.build([]).patch(added=[link])
        >>> graph.strength(b, a), graph.patch(removed=[link]).firms
        (25, ())
        """
        gone = frozenset(removed)
        kept = (link for links in self._disclosed.values() for link in links if link not in gone)
        return SupplyGraph.build((*kept, *added))

    @cached_property
    def firms(self) -> tuple[UUID, ...]:
        """Every firm that has a tie, by id."""
        return tuple(self._ties)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge, by supplier, buyer and kind."""
        return tuple(self._edges.values())

    def upstream(self, firm: UUID, tiers: int) -> tuple[tuple[UUID, ...], ...]:
        """Return the suppliers of a firm, then theirs, tier by tier; a firm stands in its nearest tier only.

        Note: O(n′ + m′), at most as many tiers as there are.

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> pairs = (a, b), (b, c), (a, c)
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in pairs]
        >>> [[firm.int for firm in tier] for tier in SupplyGraph.build(links).upstream(c, 5)]
        [[1, 2]]
        """
        return _tiers(self._flow.pred, firm, tiers)

    def downstream(self, firm: UUID, tiers: int) -> tuple[tuple[UUID, ...], ...]:
        """Return the buyers of a firm, then theirs, tier by tier; a firm stands in its nearest tier only.

        Note: O(n′ + m′).

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (b, c))]
        >>> [[firm.int for firm in tier] for tier in SupplyGraph.build(links).downstream(a, 5)]
        [[2], [3]]
        """
        return _tiers(self._flow.succ, firm, tiers)

    def strength(self, a: UUID, b: UUID) -> int:
        """Return how firmly two firms are tied, whoever supplies; 0 without a tie.

        Note: O(1).

        >>> SupplyGraph.build([]).strength(UUID(int=1), UUID(int=2))
        0
        """
        tie: Mapping[str, int] = self._ties.get_edge_data(a, b, {"strength": 0})
        return tie["strength"]

    def shortest_tie(self, a: UUID, b: UUID) -> tuple[UUID, ...]:
        """Return a shortest chain of firms from one to the other, both included; empty when there is none.

        Note: O(n + m) at worst; searching from both ends looks at about √n firms.

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (c, b))]
        >>> [firm.int for firm in SupplyGraph.build(links).shortest_tie(a, c)]
        [1, 2, 3]
        """
        try:
            return tuple(nx.bidirectional_shortest_path(self._ties, a, b))
        except (nx.NetworkXNoPath, nx.NodeNotFound):
            return ()

    def ties_among(self, firms: Iterable[UUID]) -> tuple[Tie, ...]:
        """Return the ties between any two of the firms, by their ids.

        Note: O(n′ + m′), m′ the edges that touch the firms.

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((b, a), (c, b))]
        >>> SupplyGraph.build(links).ties_among([b, a])[0].strength
        25
        """
        inside = frozenset(firms)
        return tuple(
            Tie(a=a, b=b, strength=tie["strength"])
            for a in sorted(inside & self._ties.nodes)
            for b, tie in sorted(self._ties.adj[a].items())
            if a < b and b in inside
        )

    def ego(self, firm: UUID, radius: int) -> Neighbourhood:
        """Return the firms within `radius` ties of a firm, itself included, and every edge among them.

        Note: O(n′ + m′).

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (b, c))]
        >>> around = SupplyGraph.build(links).ego(a, 1)
        >>> len(around.firms), len(around.edges)
        (2, 1)
        """
        near = {firm}.union(*_tiers(self._ties.adj, firm, radius))
        return Neighbourhood(firms=tuple(sorted(near)), edges=self._edges_within(near))

    def _edges_within(self, firms: set[UUID]) -> tuple[Edge, ...]:
        keys = (
            (supplier, buyer, kind)
            for supplier in sorted(firms & self._ties.nodes)
            for buyer in sorted(self._ties.adj[supplier])
            if buyer in firms
            for kind in LinkKind
        )
        return tuple(self._edges[key] for key in keys if key in self._edges)

    def common_upstream(self, firms: Iterable[UUID], tiers: int) -> tuple[SharedSource, ...]:
        """Return the firms within `tiers` upstream of at least two of the given ones: the hidden single sources.

        Those that most hang on come first.

        Note: O(k (n′ + m′)) for k firms.

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (a, c))]
        >>> [(source.firm.int, len(source.serves)) for source in SupplyGraph.build(links).common_upstream([b, c], 2)]
        [(1, 2)]
        """
        serves: dict[UUID, list[UUID]] = defaultdict(list)
        for firm in sorted(set(firms)):
            for source in {source for tier in self.upstream(firm, tiers) for source in tier}:
                serves[source].append(firm)
        shared = [SharedSource(firm=source, serves=tuple(found)) for source, found in serves.items() if len(found) > 1]
        return tuple(sorted(shared, key=lambda source: (-len(source.serves), source.firm)))

    def chokepoints(self) -> tuple[UUID, ...]:
        """Return the firms whose fall would part the graph: its articulation points, by id.

        Note: O(n + m) (Tarjan 1972).

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (b, c))]
        >>> [firm.int for firm in SupplyGraph.build(links).chokepoints()]
        [2]
        """
        return tuple(sorted(set(nx.articulation_points(self._ties))))

    def criticality(self, buyer: UUID, tiers: int) -> tuple[Criticality, ...]:
        """Return what a buyer loses of its inflow when each firm upstream stands still, the worst first.

        Inflow is the maximum flow into the buyer through `tiers` of suppliers, each edge carrying its strength, from
        those that have no supplier of their own there or stand in the last tier. Firms without effect are left out.

        Note: one maximum flow a firm, O(n′ · n′² √m′) at worst (preflow-push).

        >>> a, b, c = (UUID(int=n) for n in range(1, 4))
        >>> def supplies(supplier, confidence):
        ...     return Link(supplier_id=supplier, buyer_id=c, kind=LinkKind.SUPPLIES, year=2024, confidence=confidence)
        >>> graph = SupplyGraph.build([supplies(a, 60), supplies(b, 20)])
        >>> [(each.firm.int, each.lost) for each in graph.criticality(c, 2)]
        [(1, 7500), (2, 2500)]
        """
        layers = self.upstream(buyer, tiers)
        near = [firm for tier in layers for firm in tier]
        if not near:
            return ()
        part = self._flow.subgraph([buyer, *near]).copy()
        part.remove_edges_from(list(part.out_edges(buyer)))
        ends = {firm for firm in near if not part.pred[firm]} | set(layers[-1])
        part.add_edges_from(("inflow", firm) for firm in sorted(ends))
        whole = nx.maximum_flow_value(part, "inflow", buyer)
        losses = ((firm, whole - _inflow_without(part, firm, buyer)) for firm in near)
        found = [Criticality(firm=firm, lost=WHOLE * loss // whole) for firm, loss in losses if loss]
        return tuple(sorted(found, key=lambda each: (-each.lost, each.firm)))

    def communities(self, seed: int) -> tuple[tuple[UUID, ...], ...]:
        """Return groups of firms tied more among themselves than with others, largest first; same seed, same groups.

        Louvain method on tie strength (Blondel et al. 2008, doi:10.1088/1742-5468/2008/10/P10008).

        Note: about O(m log n), whole-graph work for a job: seconds at 30,000 firms.

        >>> a, b, c, d = (UUID(int=n) for n in range(1, 5))
        >>> links = [Link(supplier_id=s, buyer_id=t, kind=LinkKind.SUPPLIES, year=2024) for s, t in ((a, b), (c, d))]
        >>> [[firm.int for firm in group] for group in SupplyGraph.build(links).communities(seed=1)]
        [[1, 2], [3, 4]]
        """
        groups = nx.community.louvain_communities(self._ties, weight="strength", seed=seed)
        return tuple(sorted((tuple(sorted(group)) for group in groups), key=lambda group: (-len(group), group)))


class WholeGraph:
    """Figures of a whole supply graph at once, reckoned in compiled code (networkit).

    Firms are places from 0; each edge is a supplier, a buyer and a strength. One thread and a seed: the same figures
    on every machine.

    >>> graph = WholeGraph(4, [0, 1, 2], [1, 2, 3], [50, 50, 50])
    >>> graph.chokepoints().tolist(), graph.single_sources().tolist()
    ([1, 2], [-1, 0, 1, 2])
    """

    def __init__(
        self, firms: int, suppliers: Sequence[int] | Places, buyers: Sequence[int] | Places, strengths: Sequence[int]
    ) -> None:
        self.firms = firms
        self.suppliers, self.buyers = np.asarray(suppliers, dtype=np.int64), np.asarray(buyers, dtype=np.int64)
        networkit.setNumberOfThreads(1)
        self._directed = self._made(self.suppliers, self.buyers, np.asarray(strengths, dtype=np.float64), directed=True)
        first, second = np.minimum(self.suppliers, self.buyers), np.maximum(self.suppliers, self.buyers)
        pairs, place = np.unique(first * firms + second, return_inverse=True)
        weights = np.asarray(strengths, dtype=np.float64)
        together = np.bincount(place, weights=weights, minlength=len(pairs)).astype(np.float64)
        self._undirected = self._made(pairs // max(1, firms), pairs % max(1, firms), together, directed=False)

    def communities(self, seed: int) -> Places:
        """Return the community of each firm: denser inside than between (Louvain: Blondel et al. 2008, refined)."""
        networkit.setSeed(seed, False)
        found = networkit.community.PLM(self._undirected, refine=True)
        found.run()
        return np.asarray(found.getPartition().getVector(), dtype=np.int64)

    def betweenness(self, pivots: int, seed: int) -> NDArray[np.float64]:
        """Return for each firm about how many shortest ways lead through it, from some pivots (Brandes & Pich 2007).

        Raises `ValueError` where there is no pivot.
        """
        if pivots < 1:
            raise ValueError("at least one pivot")
        networkit.setSeed(seed, False)
        found = networkit.centrality.EstimateBetweenness(self._directed, min(pivots, max(1, self.firms)), False, False)
        return np.asarray(found.run().scores(), dtype=np.float64)

    def chokepoints(self) -> Places:
        """Return the firms without which the graph falls into more parts, directions aside (Tarjan 1972)."""
        found = networkit.components.BiconnectedComponents(self._undirected)
        found.run()
        parts = np.fromiter(chain.from_iterable(found.getComponents()), dtype=np.int64)
        return np.flatnonzero(np.bincount(parts, minlength=self.firms) > 1)

    def single_sources(self) -> Places:
        """Return for each firm its only supplier, -1 where it has none or several."""
        pairs = np.unique(self.buyers * self.firms + self.suppliers) if self.firms else self.buyers
        buyers, suppliers = pairs // max(1, self.firms), pairs % max(1, self.firms)
        counts = np.bincount(buyers, minlength=self.firms)
        only = np.full(self.firms, -1, dtype=np.int64)
        only[buyers] = suppliers
        only[counts != 1] = -1
        return only

    def _made(self, first: Places, second: Places, weights: NDArray[np.float64], *, directed: bool) -> Any:
        return networkit.GraphFromCoo(
            (weights, (first.astype(np.uint64), second.astype(np.uint64))),
            n=self.firms, weighted=True, directed=directed,
        )  # fmt: skip


def _tiers(neighbours: Mapping[UUID, Iterable[UUID]], firm: UUID, tiers: int) -> tuple[tuple[UUID, ...], ...]:
    seen = {firm}
    layers: list[tuple[UUID, ...]] = []
    frontier: Iterable[UUID] = (firm,)
    for _ in range(tiers):
        frontier = {other for known in frontier for other in neighbours.get(known, ())} - seen
        if not frontier:
            break
        seen |= frontier
        layers.append(tuple(sorted(frontier)))
    return tuple(layers)


def _inflow_without(part: Any, firm: UUID, buyer: UUID) -> int:
    rest = part.subgraph([other for other in part if other != firm])
    value: int = nx.maximum_flow_value(rest, "inflow", buyer)
    return value


def gaps(wanted: Mapping[str, int], sources: Iterable[Source]) -> tuple[Gap, ...]:
    """Locate what cannot be covered: each set of packages that together ask for more than can be had.

    The sets come from the minimum cut nearest to the packages, so each is the smallest that explains its shortfall,
    and the missing units of all sum up to the total that no assignment can cover (Gale 1957; max-flow min-cut).
    A source with undeclared capacity is taken to have enough.

    Note: one maximum flow over packages × sources.

    >>> half = Source(id="F1", packages=("cells", "packs"), capacity=60)
    >>> gap, = gaps({"cells": 50, "packs": 40, "cables": 9}, [half, Source(id="F2", packages=("cables",))])
    >>> gap.packages, gap.sources, gap.missing
    (('cells', 'packs'), ('F1',), 30)
    """
    flow = nx.DiGraph()
    flow.add_nodes_from(("source", "sink"))
    for package, units in sorted(wanted.items()):
        flow.add_edge(("package", package), "sink", capacity=units)
    for source in sorted(sources, key=lambda each: each.id):
        limit = {} if source.capacity is None else {"capacity": source.capacity}
        flow.add_edge("source", ("source", source.id), **limit)
        flow.add_edges_from((("source", source.id), ("package", package)) for package in source.packages)
    residual = nx.algorithms.flow.preflow_push(flow, "source", "sink")
    short = _reaching(residual, "sink") - {"sink"}
    return tuple(_gap(flow, group) for group in _components(flow, short))


def _reaching(residual: Any, target: Any) -> set[Any]:
    """Return the nodes from which one more unit could flow to the target."""
    seen, stack = {target}, [target]
    while stack:
        node = stack.pop()
        open_to = [
            other for other, arc in residual.pred[node].items() if arc["flow"] < arc["capacity"] and other not in seen
        ]
        seen.update(open_to)
        stack.extend(open_to)
    return seen


def _components(flow: Any, nodes: set[Any]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(group) for group in nx.connected_components(flow.subgraph(nodes).to_undirected()))


def _gap(flow: Any, group: Sequence[tuple[str, str]]) -> Gap:
    packages = [node for node in group if node[0] == "package"]
    sources = [node for node in group if node[0] == "source"]
    return Gap(
        packages=tuple(name for _, name in packages),
        sources=tuple(name for _, name in sources),
        wanted=sum(flow.edges[node, "sink"]["capacity"] for node in packages),
        available=sum(flow.edges["source", node]["capacity"] for node in sources),
    )


def layers(edges: Iterable[tuple[str, str]], nodes: Iterable[str] = ()) -> tuple[tuple[str, ...], ...]:
    """Return the columns of a chain drawing, left to right, each in an order with few crossings.

    A node stands right of everything it follows; nodes of a cycle share a column. The order within the columns is the
    best of four barycentre sweeps (Sugiyama, Tagawa, Toda 1981).

    Note: O(m²) for counting crossings; meant for a few hundred nodes.

    >>> layers([("design", "cells"), ("cells", "packs"), ("design", "packs")], nodes=["insurance"])
    (('design', 'insurance'), ('cells',), ('packs',))
    >>> layers([("a", "x"), ("b", "y"), ("a", "y"), ("c", "x")])
    (('b', 'a', 'c'), ('y', 'x'))
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(set(nodes)))
    graph.add_edges_from(sorted(set(edges)))
    condensed = nx.condensation(graph)
    columns = [
        sorted(name for knot in generation for name in condensed.nodes[knot]["members"])
        for generation in nx.topological_generations(condensed)
    ]
    best = columns
    for sweep in range(SWEEPS):
        columns = _swept(graph, columns, forward=sweep % 2 == 0)
        best = min(best, columns, key=lambda found: _crossings(graph, found))
    return tuple(tuple(column) for column in best)


def _swept(graph: Any, columns: list[list[str]], *, forward: bool) -> list[list[str]]:
    """Return the columns, each ordered by the mean height of the neighbours on the side the sweep comes from."""
    height = _heights(columns)
    neighbours = graph.pred if forward else graph.succ
    ordered = []
    for column in columns if forward else reversed(columns):
        means = {
            name: sum(height[other] for other in neighbours[name]) / len(neighbours[name])
            if neighbours[name]
            else height[name]
            for name in column
        }
        ordered.append(sorted(column, key=lambda name: (means[name], height[name])))
        height |= _heights(ordered[-1:])
    return ordered if forward else ordered[::-1]


def _heights(columns: Sequence[Sequence[str]]) -> dict[str, float]:
    return {name: (at + 0.5) / len(column) for column in columns for at, name in enumerate(column)}


def _crossings(graph: Any, columns: Sequence[Sequence[str]]) -> int:
    """Count the pairs of edges between the same two columns that cross."""
    place = {name: (number, at) for number, column in enumerate(columns) for at, name in enumerate(column)}
    between: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for tail, head in graph.edges:
        between[place[tail][0], place[head][0]].append((place[tail][1], place[head][1]))
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0 for edges in between.values() for a, b in combinations(sorted(edges), 2)
    )
