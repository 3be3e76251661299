"""The six projects of the story, as their chain leaders would write them down on a given day."""

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from api.story.city import FEN, SEED
from api.wire.opportunities import OpportunityIn
from domain.calendar import month_after

BEIJING = ZoneInfo("Asia/Shanghai")
OUTSIDE = ("key", "course", "leader", "months", "deadline_days", "plans", "package")


class Course(StrEnum):
    """How far a project is played."""

    SUBMITTED = "submitted"
    SUGGESTED = "suggested"
    REOPENED = "reopened"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One project: whose it is, how far it goes, and what its chain leader hands in."""

    id: UUID
    key: str
    course: Course
    leader: str
    plans: int
    given: OpportunityIn


def projects(today: date, leaders: Mapping[str, UUID], *, seed: int = SEED) -> tuple[Project, ...]:
    """Return the story's projects in the order in which they are played; their deadlines lie after `today`."""
    with (Path(__file__).parent / "projects.toml").open("rb") as file:
        book = tomllib.load(file)
    dice = random.Random(seed + 1)  # noqa: S311 - a story, not a secret
    return tuple(
        Project(
            id=UUID(int=dice.getrandbits(128), version=4),
            key=each["key"],
            course=Course(each["course"]),
            leader=each["leader"],
            plans=each.get("plans", 1),
            given=_opportunity(each | {"goals": book["goals"]}, today, leaders[each["leader"]]),
        )
        for each in book["project"]
    )


def _opportunity(told: Mapping[str, Any], today: date, leader: UUID) -> OpportunityIn:
    begins, lasts = (month_after(today, count) for count in told["months"])
    document = {name: value for name, value in told.items() if name not in OUTSIDE}
    return OpportunityIn.model_validate(
        document
        | {
            "currency": "CNY",
            "budget": told["budget"] * FEN,
            "deadline": datetime.combine(today + timedelta(days=told["deadline_days"]), time(17), BEIJING),
            "starts": begins,
            "ends": end_of(lasts),
            "rules": _rules(told.get("rules", {}), leader),
            "packages": tuple(_package(each, begins) for each in told["package"]),
        }
    )


def _package(told: Mapping[str, Any], begins: date) -> dict[str, Any]:
    first, last = told["window"]
    plain = {name: value for name, value in told.items() if name not in ("window", "needs")}
    return plain | {
        "value": told["value"] * FEN,
        "starts": month_after(begins, first),
        "ends": end_of(month_after(begins, last)),
        "follows": tuple(told.get("follows", ())),
        "requirements": tuple(told["needs"]),
    }


def _rules(told: Mapping[str, Any], leader: UUID) -> dict[str, Any]:
    lead = told.get("lead")
    if lead is None:
        return dict(told)
    return dict(told) | {
        "lead": {"candidates": tuple(leader if each == "@leader" else each for each in lead["candidates"])}
    }


def end_of(month: date) -> date:
    """Return the last day of a month.

    >>> str(end_of(date(2028, 2, 1)))
    '2028-02-29'
    """
    return month_after(month, 1) - timedelta(days=1)
