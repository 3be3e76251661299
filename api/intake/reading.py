"""One file read for one purpose: its drafts, its faults, what it leaves out on purpose. No database is asked here."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from api.intake import listed, ocds
from api.intake.counterparties import Undisclosed, counterparty
from api.intake.drafts import (
    CapabilityDraft,
    Draft,
    FirmDraft,
    OpportunityDraft,
    PackageDraft,
    ProductDraft,
    RequirementDraft,
    SupplyLinkDraft,
)
from api.intake.listed import ListedForm
from api.intake.sheet import Sheet, Upload, refused, sheets
from api.intake.tables import (
    Entry,
    Form,
    Placed,
    Skip,
    draft,
    entries,
    fits,
    in_minor_units,
    standard,
    unknown_headings,
)
from domain.errors import Fault
from domain.kinds import ImportKind
from domain.message import Message

MIN_HEADINGS = 2
STEP = 2_000

Progress = Callable[[int, int], None]
Outcome = Placed[Any] | tuple[Fault, ...] | Skip

_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}|\d{6}\.(?:SH|SZ|BJ)")


class Subject(StrEnum):
    """What a file is about."""

    FIRMS = "firms"
    CAPABILITIES = "capabilities"
    LINKS = "links"
    PRODUCTS = "products"
    OPPORTUNITIES = "opportunities"

    @property
    def kind(self) -> ImportKind:
        """The kind under which its batch is kept; narrower products belong to the vocabulary of capabilities."""
        return next((kind for kind in ImportKind if kind.value == self.value), ImportKind.CAPABILITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything one file says: ``rows`` counts what was found, faulty and skipped rows included."""

    subject: Subject
    filename: str
    sha256: str
    form: str
    rows: int = 0
    drafts: tuple[Placed[Any], ...] = ()
    faults: tuple[Fault, ...] = ()
    faulty_rows: int = 0
    skips: tuple[Skip, ...] = ()
    notices: tuple[Message, ...] = ()
    table: Sheet | None = None


_DRAFTS: dict[Subject, type[Draft]] = {
    Subject.FIRMS: FirmDraft,
    Subject.CAPABILITIES: CapabilityDraft,
    Subject.LINKS: SupplyLinkDraft,
    Subject.PRODUCTS: ProductDraft,
}
_FORMS: dict[Subject, tuple[ListedForm, ...]] = {
    Subject.FIRMS: (listed.FIRMS, ListedForm(form=standard("firms"))),
    Subject.CAPABILITIES: (listed.CAPABILITIES, ListedForm(form=standard("capabilities"))),
    Subject.LINKS: (listed.SUPPLIERS, listed.CUSTOMERS, ListedForm(form=standard("links"))),
    Subject.PRODUCTS: (listed.PRODUCTS, ListedForm(form=standard("products"))),
}


def read(subject: Subject, upload: Upload, progress: Progress | None = None) -> Reading:
    """Read `upload` as a file about `subject`.

    Raises Invalid where nothing of it can be read at all; else every fault of every row is in the reading.
    """
    if subject is Subject.OPPORTUNITIES:
        return _opportunities(upload)
    if upload.is_json:
        raise refused(upload.filename, "json-is-no-table")
    sheet, form = _chosen(upload, _FORMS[subject])
    outcomes = _outcomes(subject, form, sheet, progress or (lambda done, total: None))
    unknown = unknown_headings(form.form, sheet) if form.form.key == subject.value else ()
    notices = (Message(code="columns-not-read", params={"columns": "、".join(unknown)[:500]}),) if unknown else ()
    return _collected(subject, upload, sheet.form, outcomes, notices=notices, table=sheet)


def _chosen(upload: Upload, forms: Sequence[ListedForm]) -> tuple[Sheet, ListedForm]:
    ranked = [(fits(form.form, sheet), -i, sheet, form) for sheet in sheets(upload) for i, form in enumerate(forms)]
    score, _, sheet, form = max(ranked, key=lambda one: one[:2])
    if score < MIN_HEADINGS:
        expected = "、".join(column.zh for column in forms[-1].form.columns if column.required)
        raise refused(upload.filename, "headings-unknown", expected=expected)
    return sheet, form


def _outcomes(subject: Subject, form: ListedForm, sheet: Sheet, progress: Progress) -> Iterator[Outcome]:
    total = len(sheet.lines)
    for done, part in enumerate(entries(form.form, sheet)):
        if done % STEP == 0:
            progress(done, total)
        if isinstance(part, Fault):
            yield (part,)
        elif isinstance(part, Skip):
            yield part
        else:
            yield _outcome(subject, form, part)
    progress(total, total)


def _outcome(subject: Subject, form: ListedForm, entry: Entry) -> Outcome:
    entry = in_minor_units(form.form, replace(entry, fields={**form.constants, **entry.fields}))
    hidden = _hidden(subject, entry)
    if isinstance(hidden, Skip):
        return hidden
    return draft(_DRAFTS[subject], hidden)


def _hidden(subject: Subject, entry: Entry) -> Entry | Skip:
    """Leave out what says nothing: ties whose other end is not disclosed, a product said to be narrower than itself.

    A firm that is to be registered must have a name of its own, so there a hidden one is a fault.
    """
    match subject:
        case Subject.LINKS:
            return _disclosed(entry)
        case Subject.PRODUCTS if entry.fields.get("broader") == entry.fields.get("narrower"):
            return Skip(place=entry.place, code="narrower-of-itself", given=str(entry.fields.get("broader")))
        case Subject.FIRMS if isinstance(counterparty(str(entry.fields.get("name", ""))), Undisclosed):
            return _nobody(entry)
    return entry


def _disclosed(entry: Entry) -> Entry | Skip:
    fields = dict(entry.fields)
    for side in ("supplier", "buyer"):
        written = str(fields.get(side, ""))
        if _CODE.fullmatch(written):
            continue
        known = counterparty(written)
        if isinstance(known, Undisclosed):
            return Skip(place=entry.place, code=known.reason, given=written)
        fields[side] = known.stock_code or known.name
    return replace(entry, fields=fields)


def _nobody(entry: Entry) -> Entry:
    if "name" not in entry.fields:
        return entry
    where, given = f"{entry.place}, {entry.headings['name']}", str(entry.fields["name"])[:60]
    return replace(entry, faults=(*entry.faults, Fault(where=where, code="nobody", params={"given": given})))


def _collected(
    subject: Subject,
    upload: Upload,
    form: str,
    outcomes: Iterable[Outcome],
    *,
    notices: tuple[Message, ...] = (),
    table: Sheet | None = None,
) -> Reading:
    drafts: list[Placed[Any]] = []
    faults: list[Fault] = []
    skips: list[Skip] = []
    faulty = 0
    for outcome in outcomes:
        if isinstance(outcome, Placed):
            drafts.append(outcome)
        elif isinstance(outcome, Skip):
            skips.append(outcome)
        else:
            faults.extend(outcome)
            faulty += 1
    if not drafts and not faults and not skips:
        raise refused(upload.filename, "no-rows")
    return Reading(
        subject=subject,
        filename=upload.filename,
        sha256=upload.sha256,
        form=form,
        rows=len(drafts) + faulty + len(skips),
        drafts=tuple(drafts),
        faults=tuple(faults),
        faulty_rows=faulty,
        skips=tuple(skips),
        notices=notices,
        table=table,
    )


def _opportunities(upload: Upload) -> Reading:
    if upload.is_json:
        return _collected(Subject.OPPORTUNITIES, upload, "ocds", ocds.opportunities(upload))
    if not upload.is_workbook:
        raise refused(upload.filename, "opportunity-form")
    return _collected(Subject.OPPORTUNITIES, upload, "xlsx", [_book(upload)])


def _book(upload: Upload) -> Outcome:
    """Read the three sheets of an opportunity workbook into one draft, or all their faults."""
    tables = sheets(upload)
    project, packages, requirements = (
        _sheet(standard(key), tables) for key in ("opportunity", "packages", "requirements")
    )
    if project is None or packages is None:
        missing = standard("opportunity" if project is None else "packages")
        raise refused(upload.filename, "sheet-missing", sheet=missing.zh, sheet_en=missing.en)
    parts = [part for part in entries(standard("opportunity"), project, named=True) if not isinstance(part, Skip)]
    faults = [part for part in parts if isinstance(part, Fault)]
    entry = next(part for part in parts if isinstance(part, Entry))
    currency = entry.fields.get("currency")
    entry = in_minor_units(standard("opportunity"), entry, currency)
    asked, asked_faults = _requirements(requirements)
    offered, package_faults = _packages(packages, asked, currency)
    whole = replace(
        entry,
        fields={**entry.fields, "packages": offered},
        headings={**entry.headings, "packages": standard("packages").zh},
    )
    outcome = draft(OpportunityDraft, whole)
    found = [*faults, *asked_faults, *package_faults, *(outcome if isinstance(outcome, tuple) else ())]
    if package_faults:
        found = [fault for fault in found if (fault.where, fault.code) != (standard("packages").zh, "too_short")]
    return tuple(found) if found or isinstance(outcome, tuple) else outcome


def _sheet(form: Form, tables: Sequence[Sheet]) -> Sheet | None:
    named = [table for table in tables if table.name.strip().casefold() in (form.zh, form.en)]
    best = max(named or tables, key=lambda table: fits(form, table))
    return best if fits(form, best) >= MIN_HEADINGS else None


def _requirements(sheet: Sheet | None) -> tuple[dict[str, list[RequirementDraft]], list[Fault]]:
    asked: dict[str, list[RequirementDraft]] = {}
    faults: list[Fault] = []
    for part in entries(standard("requirements"), sheet, named=True) if sheet else ():
        if isinstance(part, Fault):
            faults.append(part)
        elif isinstance(part, Entry):
            fields = {name: value for name, value in part.fields.items() if name != "package"}
            outcome = draft(RequirementDraft, replace(part, fields=fields))
            if isinstance(outcome, Placed):
                asked.setdefault(str(part.fields["package"]), []).append(outcome.draft)
            else:
                faults.extend(outcome)
    return asked, faults


def _packages(
    sheet: Sheet, asked: dict[str, list[RequirementDraft]], currency: str | None
) -> tuple[tuple[PackageDraft, ...], list[Fault]]:
    offered: list[PackageDraft] = []
    faults: list[Fault] = []
    form = standard("packages")
    for part in entries(form, sheet, named=True):
        if isinstance(part, Fault):
            faults.append(part)
        elif isinstance(part, Entry):
            wanted = tuple(asked.pop(str(part.fields.get("code")), ()))
            entry = in_minor_units(form, part, currency)
            outcome = draft(PackageDraft, replace(entry, fields={**entry.fields, "requirements": wanted}))
            if isinstance(outcome, Placed):
                offered.append(outcome.draft)
            else:
                faults.extend(outcome)
    title = standard("requirements").zh
    faults.extend(Fault(where=title, code="package-unknown", params={"codes": code}) for code in asked)
    return tuple(offered), faults
