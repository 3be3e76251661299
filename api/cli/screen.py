"""What ``lianzhou demo`` prints: the suggested consortium with its proof, and who can sign in."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.i18n import Locale, say, share, word
from api.queries.opportunities import Folded
from api.story import Login
from domain.message import Message
from domain.records import Suggestion

UNLIMITED = 150
"""Columns of a table that no terminal limits; the report of a pipe is not wrapped at eighty."""


def screen() -> Console:
    """Return standard output: as wide as the terminal, or wide enough where there is none."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else UNLIMITED
    return Console(width=width, highlight=False)


class Screen:
    """Prints in one language."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale
        self._console = screen()

    def say(self, code: str, section: str | None = None, **params: Any) -> str:
        """Word a message."""
        return say(self._locale, Message(code=code, params=params), section=section)

    def print(self, text: str, style: str = "") -> None:
        """Print a line."""
        self._console.print(Text(text, style=style))

    def run(self, folded: Folded, run: Suggestion) -> None:
        """Print how a run ended, its first plan with members and reasons, and what it rests on."""
        row = folded.opportunity
        self.print(row.title if self._locale == "zh-CN" else row.title_en or row.title, "bold")
        gap = "—" if run.gap is None else f"{100 * run.gap:.2f} %"
        proof = self.say(run.status, "run_status")
        figures = self.say("run-figures", gap=gap, seconds=run.seconds, candidates=run.candidates, seed=run.seed)
        self.print(f"{proof} {figures}", "green" if run.status == "optimal" else "yellow")
        for message in run.diagnosis:
            self.print("· " + self._told(message))
        packages = {str(package.id): package.code for package in folded.packages}
        for number, plan in enumerate(run.plans, start=1):
            if number == 1:
                self._console.print(self._members(plan, packages))
            self.print(self._plan(number, plan))
        self._missing(run, packages)

    def _members(self, plan: Mapping[str, Any], packages: Mapping[str, str]) -> Table:
        table = Table(pad_edge=False)
        for code in ("member", "share-of-value", "packages"):
            table.add_column(
                self.say(code, "page"), no_wrap=True, justify="right" if code == "share-of-value" else "left"
            )
        table.add_column(self.say("why-this-plan", "page"), overflow="fold")
        for seat in plan["seats"]:
            table.add_row(
                seat["name"] + (f" ★ {self.say('lead', 'page')}" if seat["lead"] else ""),
                share(self._locale, seat["share"]),
                "\n".join(self._part(part, packages) for part in seat["parts"]),
                "\n".join(self._told(reason) for reason in seat["reasons"]),
            )
        return table

    def _part(self, part: Mapping[str, Any], packages: Mapping[str, str]) -> str:
        fit = self.say("fit-n", "page", n=part["fit"])
        return f"{packages[part['package_id']]} {share(self._locale, part['share'])} · {fit}"

    def _plan(self, number: int, plan: Mapping[str, Any]) -> str:
        reasons = self.say("semicolon", "page").join(self._told(reason) for reason in plan["reasons"])
        return self.say(
            "plan-told", number=number, reasons=reasons, sme=plan["sme_share"], fit=plan["fit"], days=plan["lead_days"]
        )

    def _missing(self, run: Suggestion, packages: Mapping[str, str]) -> None:
        if not run.missing:
            return
        names = {seat["supplier_id"]: seat["name"] for plan in run.plans for seat in plan["seats"]}
        self.print(self.say("missing-figures", "page", n=len(run.missing)))
        for figure in run.missing:
            about = packages.get(figure["package_id"] or "", "")
            firm = names.get(figure["supplier_id"], figure["supplier_id"])
            self.print(f"· {firm} {about} {self.say(figure['figure'], 'figure')}")

    def _told(self, message: Mapping[str, Any]) -> str:
        return say(self._locale, Message(code=message["code"], params=message["params"]))

    def logins(self, logins: Sequence[Login]) -> None:
        """Print who can sign in."""
        table = Table(show_header=False, box=None, pad_edge=False)
        for login in logins:
            duties = "、".join(word(self._locale, duty) for duty in login.duties)
            table.add_row(self.say(login.role, "role"), login.email, login.password, login.organisation, duties)
        self._console.print(table)
