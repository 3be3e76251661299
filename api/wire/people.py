"""What goes over the wire about people, one-time links, and firms claimed by their credit code."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from api.wire.base import Wire
from domain.kinds import ClaimState, Clean, CreditCode, Duty, Email, Name, Printable, Role
from domain.lookalike import mixes_scripts
from domain.records import Claim, EntryLink, User

Password = Annotated[str, StringConstraints(min_length=12, max_length=200)]
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=80), Clean, Printable]
Duties = Annotated[tuple[Duty, ...], Field(min_length=1, max_length=7)]
Grounds = Annotated[str, StringConstraints(min_length=2, max_length=2_000), Clean, Printable]


class PersonOut(Wire):
    """A person of one's own organisation, to its administrators."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "b7d1c1a4-0d36-4b0f-8b35-2f4b5f1a6c01",
                    "name": "演示用户",
                    "email": "zhou@lianzhu.example",
                    "duties": ["negotiator", "signer"],
                    "active": True,
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "version": 1,
                }
            ]
        }
    )

    id: UUID
    name: str
    email: str
    duties: tuple[Duty, ...]
    active: bool
    created_at: datetime
    version: int

    @classmethod
    def of(cls, row: User) -> Self:
        """Show a person to an administrator of his organisation."""
        return cls.model_validate(row)


class DutiesIn(Wire):
    """All that a person is to do from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"duties": ["negotiator"]}]})

    duties: Duties


class EntryLinkIn(Wire):
    """Whom to invite, and what he is to do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "chen@lianzhu.example", "duties": ["negotiator"]}]}
    )

    email: Email
    duties: Duties


class EntryLinkOut(Wire):
    """An invitation by one-time link that nobody has used; its secret was shown when it was made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000e11",
                    "email": "chen@lianzhu.example",
                    "duties": ["negotiator"],
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "expires_at": "2027-01-13T02:00:00+00:00",
                }
            ]
        }
    )

    id: UUID
    email: str
    duties: tuple[Duty, ...]
    created_at: datetime
    expires_at: datetime


class EntryLinkSecretOut(Wire):
    """An invitation with its link, shown this once: whoever has the link can enter once, within seven days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"link": EntryLinkOut.example(), "url": "https://lianzhou.example/join/shown-once-and-never-again"}
            ]
        }
    )

    link: EntryLinkOut
    url: str

    @classmethod
    def of(cls, site: str, secret: str, row: EntryLink) -> Self:
        """Show a link that was made just now."""
        return cls(link=EntryLinkOut.model_validate(row), url=f"{site}/join/{secret}")


class EntryIn(Wire):
    """The secret of a one-time link, and who enters by it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"secret": "shown-once-and-never-again", "name": "演示用户", "password": "一艘船队出海去 2027"}
            ]
        }
    )

    secret: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    name: PersonName
    password: Password


class EnteredOut(Wire):
    """The account that a link has opened."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "chen@lianzhu.example", "organisation": "岭南能源工程（演示数据）"}]}
    )

    email: str
    organisation: str


def _one_script(name: str) -> str:
    if mixes_scripts(name):
        raise PydanticCustomError("mixed-scripts", "letters of several scripts that look alike stand in one word")
    return name


class ClaimIn(Wire):
    """A person who says that he acts for the firm with this unified social credit code."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "credit_code": "91999999MA0000001N",
                    "name": "演示电气有限公司",
                    "person": "演示用户",
                    "email": "claim@dianqi.example",
                    "password": "一艘船队出海去 2027",
                }
            ]
        }
    )

    credit_code: CreditCode
    name: Annotated[Name, AfterValidator(_one_script)]
    person: PersonName
    email: Email
    password: Password


class ClaimReceivedOut(Wire):
    """The same answer to every claim, whether the code or the address is known or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"received": True}]})

    received: bool = True


class OwnClaimOut(Wire):
    """One's own claim, and what the bureau found."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000c11",
                    "name": "演示电气有限公司",
                    "credit_code": "91999999MA0000001N",
                    "state": "pending",
                    "reason": "",
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "decided_at": None,
                }
            ]
        }
    )

    id: UUID
    name: str
    credit_code: str
    state: ClaimState
    reason: str
    created_at: datetime
    decided_at: datetime | None


class KnownFirm(Wire):
    """The firm that has the code already, with how many people act for it."""

    id: UUID
    name: str
    people: int


class AlikeFirm(Wire):
    """A firm whose name looks like the claimed one; only its code tells them apart (UTS 39)."""

    id: UUID
    name: str
    credit_code: str | None


class ClaimOut(Wire):
    """A claim as the bureau sees it; `known` is the firm that has the code already, where there is one.

    `alike` are firms with other codes whose names look like the claimed one.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-000000000c11",
                    "name": "演示电气有限公司",
                    "credit_code": "91999999MA0000001N",
                    "person": "演示用户",
                    "email": "claim@dianqi.example",
                    "state": "pending",
                    "reason": "",
                    "evidence": "",
                    "created_at": "2027-01-06T02:00:00+00:00",
                    "decided_at": None,
                    "known": {"id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "name": "演示电气有限公司", "people": 0},
                    "alike": [
                        {
                            "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3302",
                            "name": "演示電气有限公司",
                            "credit_code": "91999999MA0000002L",
                        }
                    ],
                }
            ]
        }
    )

    id: UUID
    name: str
    credit_code: str
    person: str
    email: str
    state: ClaimState
    reason: str
    evidence: str
    created_at: datetime
    decided_at: datetime | None
    known: KnownFirm | None
    alike: tuple[AlikeFirm, ...]

    @classmethod
    def of(cls, row: Claim, user: User, known: KnownFirm | None, alike: tuple[AlikeFirm, ...]) -> Self:
        """Show a claim to an officer."""
        return cls.model_validate(
            {
                **{name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)},
                "person": user.name,
                "email": user.email,
                "known": known,
                "alike": alike,
            }
        )


class VerdictIn(Wire):
    """Why the bureau decides so, and what it looked at."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "营业执照与授权书一致。", "evidence": "营业执照副本、授权委托书，2027-01-07 当面核对。"}
            ]
        }
    )

    reason: Grounds
    evidence: Grounds


class VerificationIn(VerdictIn):
    """A verdict that the claim holds, with what a firm that was not known before is on the platform."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "营业执照与授权书一致。",
                    "evidence": "营业执照副本、授权委托书，2027-01-07 当面核对。",
                    "roles": ["supplier"],
                }
            ]
        }
    )

    roles: tuple[Role, ...] = (Role.SUPPLIER,)


class StandingOut(Wire):
    """Whether a firm stands as verified."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "name": "演示企业", "standing": "suspended"}]
        }
    )

    id: UUID
    name: str
    standing: str
