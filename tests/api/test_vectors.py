"""Phrases as vectors: unit rows, the same on every call, and likeness that means something."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.vectors import (
    BACKGROUND,
    THRESHOLD,
    Encoder,
    EncoderUnavailable,
    GramEncoder,
    Meaning,
    PassageEncoder,
    SentenceEncoder,
    Vectors,
    available,
    encode_all,
)
from coalitions import matching
from domain.records import PASSAGE_DIMENSIONS, SENTENCE_DIMENSIONS

DATA = Path(os.environ.get("LIANZHOU_DATA", Path(__file__).parents[3] / "shared" / "data"))
PHRASES = ["光伏逆变器", "power transformer", "国际货运代理", "LFP 电芯"]
ENCODERS: list[Encoder] = [GramEncoder(), SentenceEncoder(), PassageEncoder(threads=1)]


@pytest.fixture(params=ENCODERS, ids=lambda encoder: encoder.name)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param not in available([request.param]):
        pytest.skip(f"the {request.param.name} encoder cannot be loaded on this machine")
    chosen: Encoder = request.param
    return chosen


@pytest.fixture
def meaning() -> Meaning:
    encoders = available(ENCODERS[1:])
    if len(encoders) < 2:
        pytest.skip("not both encoders can be loaded on this machine")
    return Meaning(encoders)


def test_each_phrase_becomes_one_row_of_unit_length(encoder: Encoder) -> None:
    rows = encoder.encode(PHRASES)
    assert rows.shape == (len(PHRASES), encoder.dimensions)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-4)


def test_no_phrases_are_no_rows(encoder: Encoder) -> None:
    assert encode_all(encoder, []).shape == (0, encoder.dimensions)


def test_a_phrase_has_the_same_row_alone_in_a_batch_and_the_next_time(encoder: Encoder) -> None:
    together = encoder.encode(PHRASES)
    alone = np.concatenate([encoder.encode([phrase]) for phrase in PHRASES])
    assert (together * alone).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.array_equal(together, encoder.encode(PHRASES))


def test_batches_report_how_far_they_are_and_change_no_row(encoder: Encoder) -> None:
    seen = []
    rows = encode_all(encoder, PHRASES, batch=3, report=lambda done, whole: seen.append((done, whole)))
    assert seen == [(3, 4), (4, 4)]
    assert (rows * encoder.encode(PHRASES)).sum(axis=1) == pytest.approx(1, abs=1e-3)


def test_the_rows_have_the_length_of_the_columns_they_are_stored_in() -> None:
    assert SentenceEncoder.dimensions == SENTENCE_DIMENSIONS
    assert PassageEncoder.dimensions == PASSAGE_DIMENSIONS


@pytest.mark.parametrize("kind", [SentenceEncoder, PassageEncoder])
@pytest.mark.parametrize("package", ["no_such_package", "json"])
def test_a_package_that_is_missing_or_not_what_it_should_be_is_unavailable(
    kind: type[SentenceEncoder | PassageEncoder], package: str
) -> None:
    with pytest.raises(EncoderUnavailable):
        kind(package=package).encode(PHRASES)


def test_an_engine_that_is_built_for_another_machine_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign_engine.py").write_text(
        "import ctypes, pathlib\n"
        "class E5:\n"
        "    def __init__(self, num_threads):\n"
        "        self.engine = ctypes.CDLL(str(pathlib.Path(__file__)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderUnavailable):
        PassageEncoder(package="foreign_engine").encode(PHRASES)


def test_where_no_encoder_can_be_loaded_the_writing_is_compared() -> None:
    (left,) = available([SentenceEncoder(package="no_such_package"), PassageEncoder(package="no_such_package")])
    assert isinstance(left, GramEncoder)
    assert available()[0].name in {"sentence", "passage", "grams"}


@settings(max_examples=50)
@given(st.lists(st.text(max_size=12), max_size=4))
def test_grams_take_any_text_and_give_unit_rows_or_zeros(phrases: list[str]) -> None:
    lengths = np.linalg.norm(GramEncoder().encode(phrases), axis=1)
    for phrase, length in zip(phrases, lengths, strict=True):
        assert length == pytest.approx(1 if phrase else 0, abs=1e-5)


def test_likeness_does_not_depend_on_what_else_is_compared(meaning: Meaning) -> None:
    needs, haves = meaning.encode(PHRASES), meaning.encode(["光伏并网逆变器", "电力变压器", "葡萄酒"])
    whole = meaning.likeness(needs, haves)
    assert whole.shape == (4, 3)
    alone = meaning.likeness(meaning.encode(PHRASES[:1]), meaning.encode(["电力变压器"]))
    assert abs(int(alone[0, 0]) - int(whole[0, 1])) <= 1


def test_the_threshold_of_matching_is_the_one_the_likeness_was_calibrated_for() -> None:
    assert matching.THRESHOLD == THRESHOLD == 50


def test_nearness_names_the_pairs_that_match_across_languages(meaning: Meaning) -> None:
    near = meaning.nearness(meaning.encode(["power transformer"]), meaning.encode(["电力变压器", "葡萄酒"]))
    assert set(near) == {("power transformer", "电力变压器")}
    assert all(THRESHOLD <= likeness <= 100 for likeness in near.values())


def test_encoders_without_rows_on_both_sides_are_left_out(meaning: Meaning) -> None:
    needs, haves = meaning.encode(["光伏逆变器"]), meaning.encode(["逆变器", "葡萄酒"])
    half = Vectors(phrases=haves.phrases, rows={"sentence": haves.rows["sentence"]})
    alone = Meaning([meaning.encoders[0]])
    assert meaning.likeness(needs, half).tolist() == alone.likeness(needs, haves).tolist()
    assert meaning.likeness(needs, Vectors(phrases=haves.phrases)).tolist() == [[0, 0]]


def test_grams_alone_measure_the_writing() -> None:
    meaning = Meaning([GramEncoder()])
    needs, haves = meaning.encode(["光伏逆变器"]), meaning.encode(["光伏逆变器", "光伏支架", "葡萄酒"])
    ((same, partly, nothing),) = meaning.likeness(needs, haves).tolist()
    assert (same, nothing) == (100, 0)
    assert 0 < partly < 50


def test_the_background_is_of_different_trades_in_two_scripts() -> None:
    chinese, english = zip(*BACKGROUND, strict=True)
    assert len(set(chinese)) == len(set(english)) == len(BACKGROUND)
    assert all(word.isascii() for word in english)
    assert not any(word.isascii() for word in chinese)


@pytest.mark.data
@pytest.mark.parametrize(("asked", "recall"), [("req_en", 0.70), ("req_zh", 0.85)])
def test_on_the_hand_made_pairs_most_true_pairs_match_and_most_hard_negatives_do_not(
    meaning: Meaning, asked: str, recall: float
) -> None:
    path = DATA / "text" / "pairs.tsv"
    if not path.exists():
        pytest.skip(f"the pairs are not here: {path}")
    with path.open(encoding="utf-8", newline="") as file:
        pairs = list(csv.DictReader(file, delimiter="\t"))
    capabilities = meaning.encode([pair["cap_zh"] for pair in pairs])
    negatives = meaning.encode([pair["hard_neg_zh"] for pair in pairs])
    needs = meaning.encode([pair[asked] for pair in pairs])
    assert (meaning.likeness(needs, capabilities).diagonal() >= THRESHOLD).mean() >= recall
    assert (meaning.likeness(needs, negatives).diagonal() >= THRESHOLD).mean() <= 0.25
