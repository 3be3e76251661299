"""What goes over the wire about imports."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from litestar.datastructures import UploadFile
from pydantic import ConfigDict

from api.wire.base import Wire
from domain.actor import Actor
from domain.kinds import BatchState, ImportKind
from domain.records import ImportBatch


class ImportIn(Wire):
    """One file, as a form field: a template of ours (XLSX, CSV), a known foreign table, or OCDS 1.1 JSON."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: UploadFile


class ImportOut(Wire):
    """One import: how many rows were read, written and left out, and the whole account of why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000e",
                    "kind": "firms",
                    "filename": "firms.xlsx",
                    "sha256": "0" * 64,
                    "rows": 120,
                    "written": 119,
                    "skipped": 1,
                    "report": {"skipped": [{"code": "row-twice", "count": 1, "examples": ["row 8"]}]},
                    "state": "done",
                    "created_at": "2027-01-06T01:00:00Z",
                }
            ]
        }
    )

    id: UUID
    kind: ImportKind
    filename: str
    sha256: str
    rows: int
    written: int
    skipped: int
    report: dict[str, Any]
    state: BatchState
    created_at: datetime

    @classmethod
    def of(cls, row: ImportBatch, actor: Actor) -> Self:
        """Show an import; what a faulty cell held is told only to the firm that sent the file.

        What changed rows said before is kept for taking the import back and told to nobody: prices stand among it.
        """
        report = {name: told for name, told in row.report.items() if name != "amended"}
        if row.organisation_id != actor.organisation_id:
            report["faults"] = [{**fault, "params": {}} for fault in report.get("faults", ())]
        return cls.model_validate({**row.model_dump(include=set(cls.model_fields)), "report": report})
