"""Every answer from a terminal: files in, one JSON object out, exit codes a script may rely on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.cli.answers import COMMANDS
from optimizer import write_problem
from tests.optimizer.cases import packaged, ruled

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run a command in a folder that holds a problem, its result, one without a plan, and a portfolio."""
    monkeypatch.setenv("LIANZHOU_LANG", "en")
    monkeypatch.chdir(tmp_path)
    problem = write_problem(packaged(ruled(max_members=3), critical=True))
    Path("problem.json").write_text(problem, encoding="utf-8")
    Path("hopeless.json").write_text(write_problem(ruled(required=("A",), excluded=("A",))), encoding="utf-8")
    opportunities = [{"id": "A", "problem": json.loads(problem)}]
    asked = {"format": "lianzhou-portfolio/1", "opportunities": opportunities}
    Path("city.json").write_text(json.dumps(asked), encoding="utf-8")
    solved = CliRunner().invoke(app, ["solve", "problem.json", "--json"])
    Path("result.json").write_text(solved.stdout, encoding="utf-8")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def answered(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["format"] == "lianzhou-answer/1"
    return document


PLAN = ("problem.json", "result.json")
QUESTIONS: dict[str, tuple[str, ...]] = {
    "diagnose": ("hopeless.json", "--weigh", "required=5"),
    "repair": (*PLAN, "--lost", "A", "--part", "C/WP2"),
    "explain": PLAN,
    "rules": ("problem.json",),
    "counterfactual": ("problem.json", "--firm", "C"),
    "harden": ("problem.json", "--upstream", "A=S", "--upstream", "B=S"),
    "frontier": ("problem.json", "--axis", "price", "--axis", "sme", "--points", "3"),
    "room": (*PLAN, "--firm", "A"),
    "waves": (*PLAN, "--odds", "A=9000"),
    "shares": (*PLAN, "--method", "shapley"),
    "portfolio": ("city.json",),
}


@pytest.mark.parametrize("command", list(QUESTIONS))
def test_every_question_has_an_answer(command: str, ask: Ask) -> None:
    document = answered(ask(command, *QUESTIONS[command]))

    assert len(document) > 2


def test_every_command_is_asked_here() -> None:
    assert {command.__name__ for command in COMMANDS} == set(QUESTIONS)


def test_a_weight_decides_which_rule_gives_way(ask: Ask) -> None:
    fixes = answered(ask("diagnose", "hopeless.json", "--weigh", "required=5"))

    assert fixes["diagnosis"][0]["relax"][0]["rule"] == "excluded"
    assert [rule["rule"] for rule in fixes["rules"]] == ["required", "excluded"]


def test_what_cannot_be_is_told_by_the_exit_code(ask: Ask) -> None:
    assert ask("rules", "hopeless.json").exit_code == 7
    assert ask("harden", "hopeless.json").exit_code == 7


def test_a_question_that_makes_no_sense_is_refused(ask: Ask) -> None:
    assert ask("counterfactual", "problem.json", "--firm", "X").exit_code == 2
    assert ask("shares", *PLAN, "--method", "luck").exit_code == 2
    assert ask("waves", *PLAN, "--odds", "A").exit_code == 2


def test_faults_of_files_are_worded_and_a_missing_file_is_missing(ask: Ask) -> None:
    Path("broken.json").write_text(json.dumps({"plans": [{"assignments": []}]}), encoding="utf-8")

    faulty, missing = ask("explain", "problem.json", "broken.json"), ask("rules", "nowhere.json")

    assert (faulty.exit_code, missing.exit_code) == (3, 4)
    assert "the plan breaks: coverage[WP1]" in faulty.stderr
