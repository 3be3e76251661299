"""The agreement on paper: every figure of the plan in every language and format, for its parties only; and what a hash
tells everybody else."""

import asyncio
import base64
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any, get_args
from urllib.parse import unquote
from zipfile import ZipFile

import docx
import pypdf
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlmodel import col

from api.app import create_app
from api.i18n import LOCALES
from api.papers.editable import as_docx
from api.papers.frozen import NoGlyph, as_pdf, lacking
from api.papers.qr import as_svg
from api.papers.wording import LIBRARY, Language, Sheet, library, mark, money, plain, share, worded
from api.settings import Settings
from coalitions.agreement import digest
from coalitions.clauses import NEWEST, Choices, Forum, Holder, Liability, Performance, Prevailing, Results, compose
from coalitions.validity import Validity
from domain.kinds import ConsortiumState, MembershipState, Role
from domain.records import Agreement, Consortium, Event, Membership, Signature
from tests.factories import make_promise, make_user
from tests.living import living
from tests.strategies_agreements import bodies
from tests.town import Account, Formation, browser, make_formation, settle

Sessions = async_sessionmaker[AsyncSession]
LANGUAGES: tuple[Language, ...] = get_args(Language)
FROZEN = datetime(2027, 1, 7, 2, tzinfo=UTC)
PUBLISHED = {
    ("1", "zh-CN"): "2c5794606e91f0550fe3deede93d8dde0a847ecaaa7bf07d3931c71c933e8a39",
    ("1", "en"): "a137cef053684ecc152f937bdd60a089a499374af231a2b9c5b5d63f01345829",
    ("2", "zh-CN"): "b2c781a2cdc36212a32166825c2053aaac33e559f7049dad5c9ec34872debc0b",
    ("2", "en"): "789cfbe33628108e866a2813d6ad5939cc0ea48367fd7af99efd67cf7dc38122",
}
"""The SHA-256 of each library that agreements have been signed under."""

BODY: dict[str, Any] = {
    "format": "lianzhou-agreement/1",
    "edition": 3,
    "project": {
        "title": "演示储能电站", "country": "ID", "currency": "CNY", "starts": "2027-06-01", "ends": "2028-07-31",
        "edition": 2,
    },
    "performance": "divided",
    "liability": "joint_and_several",
    "members": [
        {
            "name": "演示电芯", "credit_code": "91999999MA00000011", "lead": True, "terms_edition": 2, "share": 7_143,
            "value": 2_000_000_000,
            "work": [{"package": "WP01", "name": "电芯与电池簇", "units": 100, "unit": "SET", "share": 10_000,
                      "unit_price": 20_000_000, "value": 2_000_000_000}],
        },
        {
            "name": "演示变流", "credit_code": None, "lead": False, "terms_edition": 1, "share": 2_857,
            "value": 800_000_000,
            "work": [{"package": "WP02", "name": "变流升压", "units": 40, "unit": "SET", "share": 10_000,
                      "unit_price": None, "value": 800_000_000}],
        },
    ],
}  # fmt: skip


def sheet(body: dict[str, Any] = BODY, language: Language = "zh", *, demonstration: bool = True) -> Sheet:
    sha = digest(body)
    address = f"https://lianzhou.example/verify/{sha}"
    return worded(compose(body), language, sha256=sha, address=address, demonstration=demonstration)


def titled(title: str) -> dict[str, Any]:
    return {**BODY, "project": {**BODY["project"], "title": title}}


def figures(body: dict[str, Any]) -> Iterator[str]:
    """Give every name and number of the plan as it is written on paper."""
    currency = body["project"]["currency"]
    for member in body["members"]:
        yield from (member["name"], money(member["value"], currency), share(member["share"]))
        yield from filter(None, [member["credit_code"]])
        for work in member["work"]:
            yield from (work["package"], work["name"], f"{work['units']:,} ", money(work["value"], currency))
            if work["unit_price"] is not None:
                yield money(work["unit_price"], currency)
    yield from ("100.00%", currency, money(sum(member["value"] for member in body["members"]), currency))
    yield from (body["project"]["title"], digest(body))


def words_of_docx(content: bytes) -> str:
    """Return all that a document says, its tables, heads and feet included."""
    document = docx.Document(BytesIO(content))
    parts = [document.element.body, document.sections[0].header._element, document.sections[0].footer._element]
    return "\n".join(text for part in parts for text in part.itertext())


def words_of_pdf(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)


def tight(text: str) -> str:
    """Return a text without the breaks that a narrow column puts into it."""
    return re.sub(r"\s", "", text)


class TestTheLibrary:
    @pytest.mark.parametrize("edition", sorted({path.name.split(".")[0] for path in LIBRARY.glob("*.toml")}))
    def test_both_languages_say_the_same_codes_with_the_same_figures(self, edition: str) -> None:
        told = {
            locale: {
                (section, code): {name for _, name, _, _ in Formatter().parse(text) if name}
                for section, texts in library(edition, locale).items()
                for code, text in texts.items()
            }
            for locale in LOCALES
        }

        assert told["zh-CN"] == told["en"]

    def test_a_library_that_was_published_is_never_reworded(self) -> None:
        found = {
            tuple(path.name.removesuffix(".toml").split(".", 1)): sha256(path.read_bytes()).hexdigest()
            for path in LIBRARY.glob("*.toml")
        }

        assert found == PUBLISHED

    @pytest.mark.parametrize("performance", Performance)
    @pytest.mark.parametrize("liability", Liability)
    @pytest.mark.parametrize("holder", Holder)
    @pytest.mark.parametrize("forum", Forum)
    def test_whatever_members_can_choose_has_its_words(
        self, performance: Performance, liability: Liability, holder: Holder, forum: Forum
    ) -> None:
        for prevailing, results in product(Prevailing, Results):
            choices = Choices(
                edition=NEWEST, forum=forum, security=holder, payment=holder, prevailing=prevailing, results=results
            ).data()
            body = {**BODY, "performance": str(performance), "liability": str(liability), "clauses": choices}

            said = sheet(body, "both")

            assert all(all(text) for article in said.articles for text in article.paragraphs)

    @pytest.mark.parametrize("standing", Validity)
    def test_every_copy_can_say_what_it_is_worth(self, standing: Validity) -> None:
        assert all(mark(sheet(language="both"), standing))

    def test_a_sentence_that_lacks_its_figure_is_not_said(self) -> None:
        lacking = {**BODY, "project": {k: v for k, v in BODY["project"].items() if k != "country"}}

        with pytest.raises(KeyError, match="country"):
            sheet(lacking)


class TestEveryFigureIsOnPaper:
    @pytest.mark.parametrize("language", LANGUAGES)
    @hypothesis_settings(max_examples=5)
    @given(bodies())
    def test_in_the_document_to_negotiate(self, language: Language, body: dict[str, Any]) -> None:
        said = words_of_docx(as_docx(sheet(body, language), Validity.PENDING, FROZEN))

        assert [figure for figure in figures(body) if figure not in said] == []

    @pytest.mark.parametrize("language", LANGUAGES)
    @hypothesis_settings(max_examples=5)
    @given(bodies())
    def test_in_the_frozen_one(self, language: Language, body: dict[str, Any]) -> None:
        said = tight(words_of_pdf(as_pdf(sheet(body, language), FROZEN)))

        assert [figure for figure in figures(body) if tight(figure) not in said] == []

    def test_a_price_that_was_not_stated_is_not_printed_as_one(self) -> None:
        (table,) = [each.grid for each in sheet().articles if each.grid and "unit-price" in each.grid.columns]

        assert [row[5] for row in table.rows] == [("200,000.00",), ("未列",)]


class TestTheDocument:
    def test_it_is_marked_with_what_its_edition_is_worth(self) -> None:
        heads = {
            standing: docx.Document(BytesIO(as_docx(sheet(), standing, FROZEN))).sections[0].header.paragraphs[0].text
            for standing in Validity
        }

        assert len(set(heads.values())) == len(Validity)
        assert "草案" in heads[Validity.PENDING]
        assert all("演示数据" in head for head in heads.values())

    def test_a_real_agreement_is_not_marked_as_a_demonstration(self) -> None:
        told = words_of_docx(as_docx(sheet(demonstration=False), Validity.IN_FORCE, FROZEN))

        assert "演示数据" not in told
        assert "演示数据" not in words_of_pdf(as_pdf(sheet(demonstration=False), FROZEN))

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_articles_and_clauses_are_counted_by_the_word_processor(self, language: Language) -> None:
        content = as_docx(sheet(language=language), Validity.PENDING, FROZEN)
        document = docx.Document(BytesIO(content))
        cells = [cell for table in document.tables for row in table.rows for cell in row.cells]
        paragraphs = [*document.paragraphs, *(each for cell in cells for each in cell.paragraphs)]

        for locale in sheet(language=language).languages:
            articles = [each for each in paragraphs if each.style and each.style.name == f"Article {locale}"]
            clauses = [each for each in paragraphs if each.style and each.style.name == f"Clause {locale}"]
            assert len(articles) == len(sheet().articles)
            assert len(clauses) == sum(len(article.paragraphs) for article in sheet().articles)
            assert articles[0].style
            assert articles[0].style.element.pPr.numPr.numId.val == clauses[0].style.element.pPr.numPr.numId.val

    def test_the_same_agreement_gives_the_same_bytes(self) -> None:
        assert as_docx(sheet(), Validity.PENDING, FROZEN) == as_docx(sheet(), Validity.PENDING, FROZEN)

    def test_nothing_in_it_is_carried_out_or_fetched_when_it_is_opened(self) -> None:
        evil = titled('=HYPERLINK("https://evil.example") {INCLUDETEXT "x"} <w:fldSimple/> & \x07')

        with ZipFile(BytesIO(as_docx(sheet(evil), Validity.PENDING, FROZEN))) as archive:
            texts = [archive.read(name).decode() for name in archive.namelist() if name.endswith((".xml", ".rels"))]

        assert {field for text in texts for field in re.findall(r"<w:instrText[^>]*>([^<]*)<", text)} == {
            "PAGE",
            "NUMPAGES",
        }
        assert not any('TargetMode="External"' in text or "<w:fldSimple" in text for text in texts)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_word_processor_opens_it(self, language: Language, tmp_path: Path) -> None:
        office = shutil.which("soffice")
        if office is None:
            pytest.skip("LibreOffice is not installed (apt-get install libreoffice-writer)")
        source = tmp_path / "agreement.docx"
        source.write_bytes(as_docx(sheet(language=language), Validity.PENDING, FROZEN))
        home = f"-env:UserInstallation={(tmp_path / 'office').as_uri()}"

        subprocess.run(
            [office, "--headless", home, "--convert-to", "pdf:writer_pdf_Export", "--outdir", tmp_path, source],
            check=True, capture_output=True, timeout=180,
        )  # fmt: skip

        said = tight(words_of_pdf((tmp_path / "agreement.pdf").read_bytes()))
        assert [figure for figure in figures(BODY) if tight(figure) not in said] == []
        assert "18.3" in said


class TestTheFrozenOne:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_same_agreement_gives_the_same_bytes(self, language: Language) -> None:
        assert as_pdf(sheet(language=language), FROZEN) == as_pdf(sheet(language=language), FROZEN)

    def test_one_word_more_gives_others(self) -> None:
        assert as_pdf(sheet(titled("演示储能电站二")), FROZEN) != as_pdf(sheet(), FROZEN)

    def test_it_keeps_to_the_rules_of_archives_and_of_readers_aloud(self) -> None:
        content = as_pdf(sheet(language="both"), FROZEN)

        assert b"<pdfaid:part>2</pdfaid:part>" in content
        assert b"<pdfuaid:part>1</pdfuaid:part>" in content
        told = pypdf.PdfReader(BytesIO(content)).metadata
        assert told
        assert told.creation_date == FROZEN

    def test_what_people_typed_is_set_as_text_and_never_as_markup(self) -> None:
        typed = '#panic("x") *b* $x$ @a <b> \\ https://a.example'

        assert tight(typed) in tight(words_of_pdf(as_pdf(sheet(titled(typed)), FROZEN)))

    def test_a_contract_with_holes_is_refused_and_says_which_characters_it_lacks(self) -> None:
        with pytest.raises(NoGlyph) as refused:
            as_pdf(sheet(titled("โครงการ")), FROZEN)

        assert "โ" in str(refused.value.params["characters"])

    def test_a_fault_of_ours_is_not_taken_for_a_missing_character(self) -> None:
        missing = 'error: PDF/A-2a error: the text `"ป"` could not be displayed with font `"Noto Serif SC"`'

        assert lacking(missing) == "ป"
        assert lacking(f"{missing}\nerror: unknown variable: sheet") == ""


def test_characters_that_hide_or_turn_others_are_shown() -> None:
    assert plain("价\u202e格\u0000\u2028") == "价\ufffd格\ufffd\ufffd"
    assert plain("甲\n乙") == "甲 乙"


def test_the_code_on_paper_is_an_image_of_its_own() -> None:
    assert as_svg("https://lianzhou.example/verify/a") != as_svg("https://lianzhou.example/verify/b")


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
async def app(committed_sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    settings = Settings(home=tmp_path, public_url="https://lianzhou.example/", second_factor="optional")
    async with living(create_app(settings, database_url)) as living_app:
        yield living_app


@pytest.fixture
async def formation(committed_sessions: Sessions) -> Formation:
    found = await make_formation(committed_sessions)
    async with committed_sessions.begin() as session:
        for seat in found.seats.values():
            member = await session.get_one(Membership, seat)
            member.state = MembershipState.ACCEPTED
            await make_promise(session, member)
        (await session.get_one(Consortium, found.consortium)).state = ConsortiumState.AGREED
        session.add(Agreement(consortium_id=found.consortium, edition=3, body=BODY, sha256=digest(BODY)))
    return found


async def moved(sessions: Sessions, formation: Formation, state: ConsortiumState) -> None:
    """Let the consortium stand where a road would have brought it."""
    async with sessions.begin() as session:
        (await session.get_one(Consortium, formation.consortium)).state = state


async def known(app: Litestar, sha: str) -> dict[str, Any]:
    """Return what somebody who has not signed in learns of a hash."""
    answer = await (await browser(app)).get(f"/api/v1/verifications/{sha}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


class TestFilesForTheParties:
    @pytest.mark.parametrize("language", LANGUAGES)
    async def test_a_member_gets_both_formats_in_each_language(
        self, app: Litestar, formation: Formation, language: Language
    ) -> None:
        client = await browser(app, formation.power)
        for kind, words in (("pdf", words_of_pdf), ("docx", words_of_docx)):
            answer = await client.get(f"/api/v1/consortia/{formation.consortium}/agreement.{kind}?lang={language}")

            assert answer.status_code == 200
            said = tight(words(answer.content))
            assert [figure for figure in figures(BODY) if tight(figure) not in said] == []
            assert tight(f"https://lianzhou.example/verify/{digest(BODY)}") in said

    async def test_a_file_has_names_for_every_system_and_tells_its_own_hash(
        self, app: Litestar, formation: Formation
    ) -> None:
        client = await browser(app, formation.leader)

        answer = await client.get(f"/api/v1/consortia/{formation.consortium}/agreement.pdf")

        disposition = answer.headers["content-disposition"]
        assert disposition.startswith(f'attachment; filename="agreement-{digest(BODY)[:8]}-zh.pdf"')
        assert unquote(disposition.partition("UTF-8''")[2]).startswith("演示储能电站 联合体协议")
        assert disposition.isascii()
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        told = base64.b64decode(answer.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":"))
        assert told == sha256(answer.content).digest()
        assert answer.headers["etag"] == f'"{told.hex()}"'

    async def test_signing_changes_no_byte_of_the_frozen_file(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        client = await browser(app, formation.leader)
        paths = [f"/api/v1/consortia/{formation.consortium}/agreement.{kind}" for kind in ("pdf", "docx")]
        before = [(await client.get(path)).content for path in paths]
        await moved(committed_sessions, formation, ConsortiumState.SIGNED)
        after = [(await client.get(path)).content for path in paths]

        assert before[0] == after[0]
        assert "草案" in words_of_docx(before[1])
        assert "草案" not in words_of_docx(after[1])

    @pytest.mark.parametrize("role", [Role.SUPPLIER, Role.CHAIN_LEADER, Role.BUREAU])
    async def test_whoever_is_no_party_finds_nothing(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions, role: Role
    ) -> None:
        async with committed_sessions.begin() as session:
            other: Account = await settle(session, "演示外人", role)
        client = await browser(app, other)
        for kind in ("pdf", "docx"):
            answer = await client.get(f"/api/v1/consortia/{formation.consortium}/agreement.{kind}")

            assert answer.status_code == 404
            assert answer.json()["code"] == "not-found"

    async def test_a_member_that_only_was_asked_does_not_get_the_others_prices(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        async with committed_sessions.begin() as session:
            seat = await session.get_one(Membership, formation.seats[formation.power.firm])
            seat.state = MembershipState.INVITED

        answer = await (await browser(app, formation.power)).get(
            f"/api/v1/consortia/{formation.consortium}/agreement.pdf"
        )

        assert answer.status_code == 404

    async def test_whoever_has_not_signed_in_is_asked_to(self, app: Litestar, formation: Formation) -> None:
        answer = await (await browser(app, accept="application/json")).get(
            f"/api/v1/consortia/{formation.consortium}/agreement.pdf"
        )

        assert answer.status_code == 401

    async def test_a_language_that_we_do_not_speak_is_refused(self, app: Litestar, formation: Formation) -> None:
        answer = await (await browser(app, formation.leader)).get(
            f"/api/v1/consortia/{formation.consortium}/agreement.pdf?lang=fr"
        )

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["where"] == "query lang"

    async def test_the_page_of_the_agreement_leads_to_the_files(self, app: Litestar, formation: Formation) -> None:
        client = await browser(app, formation.cells)
        page = (await client.get(f"/consortia/{formation.consortium}/agreement")).text
        links = re.findall(r'href="(/api/v1/consortia/[^"]+|/verify/[^"]+)"', page)

        assert len(links) == 7
        for link in links:
            assert (await client.get(link.replace("&amp;", "&"))).status_code == 200


class TestWhatAHashTellsEverybody:
    async def test_what_it_is_worth_follows_the_consortium(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        found = {}
        for state in ConsortiumState:
            await moved(committed_sessions, formation, state)
            found[state] = (await known(app, digest(BODY)))["state"]

        assert found[ConsortiumState.AGREED] == "pending"
        assert found[ConsortiumState.SIGNED] == found[ConsortiumState.RUNNING] == "in_force"
        assert found[ConsortiumState.CLOSED] == "ended"
        assert found[ConsortiumState.DISSOLVED] == "void"

    async def test_it_is_in_force_since_the_last_signature(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        signed = [datetime(2027, 1, day, 2, tzinfo=UTC) for day in (8, 9)]
        async with committed_sessions.begin() as session:
            consortium = await session.get_one(Consortium, formation.consortium)
            consortium.state = ConsortiumState.SIGNED
            identity = await agreement_id(session, formation)
            for account, at in zip((formation.cells, formation.power), signed, strict=True):
                user = await make_user(session, organisation_id=account.organisation_id)
                session.add(
                    Signature(agreement_id=identity, sha256=digest(BODY), organisation_id=account.organisation_id,
                              user_id=user.id, created_at=at)
                )  # fmt: skip

        assert await known(app, digest(BODY)) == {
            "sha256": digest(BODY), "state": "in_force", "since": "2027-01-09T02:00:00Z",
        }  # fmt: skip

    async def test_a_newer_edition_takes_its_place_from_the_moment_it_is_agreed(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        newer = {**BODY, "edition": 4}
        at = datetime(2035, 2, 1, 2, tzinfo=UTC)
        async with committed_sessions.begin() as session:
            session.add(Agreement(consortium_id=formation.consortium, edition=4, body=newer, sha256=digest(newer),
                                  created_at=at))  # fmt: skip

        before, after = await asyncio.gather(known(app, digest(BODY)), known(app, digest(newer)))

        assert (before["state"], before["since"]) == ("superseded", "2035-02-01T02:00:00Z")
        assert after["state"] == "pending"

    async def test_it_is_void_since_the_first_thing_that_reopened_the_terms(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        at = datetime(2035, 3, 1, 2, tzinfo=UTC)
        await moved(committed_sessions, formation, ConsortiumState.FORMING)
        async with committed_sessions.begin() as session:
            session.add(Event(code="membership.declined", organisation_id=formation.power.organisation_id,
                              subject_id=formation.consortium, consortium_id=formation.consortium, at=at,
                              params={}))  # fmt: skip

        assert await known(app, digest(BODY)) == {
            "sha256": digest(BODY), "state": "void", "since": "2035-03-01T02:00:00Z",
        }  # fmt: skip

    async def test_the_same_terms_agreed_upon_again_are_what_counts(
        self, app: Litestar, formation: Formation, committed_sessions: Sessions
    ) -> None:
        again = await make_formation(committed_sessions)
        await moved(committed_sessions, formation, ConsortiumState.DISSOLVED)
        await moved(committed_sessions, again, ConsortiumState.SIGNED)
        async with committed_sessions.begin() as session:
            session.add(Agreement(consortium_id=again.consortium, edition=3, body=BODY, sha256=digest(BODY)))

        assert (await known(app, digest(BODY)))["state"] == "in_force"

    @pytest.mark.parametrize("wrong", ["0" * 64, "x", digest(BODY).upper(), digest(BODY)[:-1], "%00"])
    async def test_anything_else_is_unknown(self, app: Litestar, formation: Formation, wrong: str) -> None:
        assert (await known(app, wrong))["state"] == "unknown"
        page = await (await browser(app)).get(f"/verify/{wrong}")
        assert page.status_code == 404
        assert "查无此值" in page.text

    @pytest.mark.parametrize(("language", "said"), [("zh", "未生效"), ("en", "not in force")])
    async def test_the_page_says_it_in_words_and_nothing_of_the_agreement(
        self, app: Litestar, formation: Formation, language: str, said: str
    ) -> None:
        page = await (await browser(app)).get(f"/verify/{digest(BODY)}?lang={language}")

        assert page.status_code == 200
        assert said in page.text
        assert page.headers["cache-control"] == "no-store"
        secrets = (BODY["project"]["title"], *(m["name"] for m in BODY["members"]), "91999999MA00000011", "200,000")
        assert [secret for secret in secrets if secret in page.text] == []
        assert [secret for secret in secrets if secret in json.dumps(await known(app, digest(BODY)))] == []


async def agreement_id(session: AsyncSession, formation: Formation) -> Any:
    """Return the id of the one agreement of a formation."""
    statement = sa.select(col(Agreement.id)).where(col(Agreement.consortium_id) == formation.consortium)
    return (await session.execute(statement)).scalar_one()
