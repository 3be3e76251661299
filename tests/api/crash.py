"""Formation traffic over HTTP that goes on whatever is killed, and the judges of what is left of it.

Every change carries an idempotency key and is sent again under it until it is answered; what was answered is remembered
byte for byte. The judges compare what was acknowledged with events and rows, and share no code with the formation.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx

GONE = (httpx.HTTPError, OSError)
PATIENCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One change that was acknowledged: who sent what under which key, and the answer."""

    deed: str
    secret: str
    key: str
    path: str
    body: Mapping[str, Any]
    status: int
    content: bytes

    @property
    def done(self) -> bool:
        """Whether it was done, not refused."""
        return self.status < 400


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Clients that form consortia and remember each answer, and how often they had to ask again."""

    base: str
    leader: str
    secrets: Mapping[str, str]
    suggestions: Sequence[str]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    answered: list[Answered] = field(default_factory=list)
    again: int = 0

    async def send(
        self, client: httpx.AsyncClient, deed: str, secret: str, path: str, body: Mapping[str, Any]
    ) -> Answered:
        """Send a change until it is answered. 409 in-progress is no answer: the first try is still under way."""
        key = uuid4().hex
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key}
        while True:
            with suppress(*GONE):
                answer = await client.post(path, json=dict(body), headers=headers)
                waiting = answer.status_code == 409 and answer.json()["code"] in ("in-progress", "stale")
                if answer.status_code < 500 and not waiting:
                    found = Answered(deed=deed, secret=secret, key=key, path=path, body=body,
                                     status=answer.status_code, content=answer.content)  # fmt: skip
                    self.answered.append(found)
                    return found
            self.again += 1
            await asyncio.sleep(PATIENCE)

    async def live(self, seed: int) -> None:
        """Form one consortium after the other; each goes as far as chance and the others let it."""
        dice = Random(seed)
        async with httpx.AsyncClient(base_url=self.base, timeout=20) as client:
            while not self.stop.is_set():
                await self._one(client, dice)

    async def _one(self, client: httpx.AsyncClient, dice: Random) -> None:
        chosen = {"suggestion_id": dice.choice(self.suggestions), "plan": dice.randint(1, 2)}
        formed = await self.send(client, "form", self.leader, "/consortia", chosen)
        if not formed.done:
            return
        consortium = json.loads(formed.content)["id"]
        asked = await self.send(client, "invite", self.leader, f"/consortia/{consortium}/invitations", {"hours": 72})
        if asked.done and dice.random() < 0.9:
            for seat in json.loads(asked.content)["members"]:
                secret = self.secrets[seat["organisation_id"]]
                path = f"/memberships/{seat['id']}/acceptance"
                told = await self.send(client, "accept", secret, path, {"edition": seat["edition"], "prices": []})
                if not told.done:
                    break
            await self._signed(client, dice, consortium, json.loads(asked.content)["members"])
        await self.send(client, "dissolve", self.leader, f"/consortia/{consortium}/dissolution", {})

    async def _signed(
        self, client: httpx.AsyncClient, dice: Random, consortium: str, seats: Sequence[Mapping[str, Any]]
    ) -> None:
        sha256 = await self._agreed(client, consortium)
        for seat in seats if sha256 else ():
            if dice.random() < 0.8:
                secret = self.secrets[seat["organisation_id"]]
                path = f"/consortia/{consortium}/signatures"
                await self.send(client, f"sign {seat['id']}", secret, path, {"sha256": sha256})

    async def _agreed(self, client: httpx.AsyncClient, consortium: str) -> str | None:
        """Return the hash to sign, once the consortium can be read; None where nothing is agreed."""
        headers = {"Authorization": f"Bearer {self.leader}"}
        while True:
            with suppress(*GONE):
                answer = await client.get(f"/consortia/{consortium}/agreement", headers=headers)
                if answer.status_code < 500:
                    return answer.json()["sha256"] if answer.status_code == 200 else None
            await asyncio.sleep(PATIENCE)


@dataclass(slots=True, kw_only=True)
class Listener:
    """A reader of the stream of events that comes back where it was cut off."""

    base: str
    secret: str
    heard: list[str] = field(default_factory=list)
    cuts: int = 0

    async def listen(self) -> None:
        """Read for ever; after each cut name the last event that was heard."""
        while True:
            headers = {"Authorization": f"Bearer {self.secret}"}
            headers |= {"Last-Event-ID": self.heard[-1]} if self.heard else {}
            with suppress(*GONE):
                async with (
                    httpx.AsyncClient(base_url=self.base, timeout=httpx.Timeout(20, read=30)) as client,
                    client.stream("GET", "/events/stream", headers=headers) as stream,
                ):
                    await self._read(stream)
            self.cuts += 1
            await asyncio.sleep(PATIENCE)

    async def _read(self, stream: httpx.Response) -> None:
        """Count an event as heard when all of it has arrived: its id alone may be the last that a dying server sent."""
        position = ""
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                position = line[4:]
            elif not line and position:
                self.heard.append(position)
                position = ""


# ------------------------------------------------------------------ the judges


def lost(answered: Iterable[Answered], events: Iterable[Any]) -> Iterator[str]:
    """Tell which acknowledged change is in no event, or in more than one."""
    told = Counter((event.code, str(event.subject_id)) for event in events)
    for each in answered:
        if each.done:
            for code, subject in _expected(each):
                if told[code, subject] != 1:
                    yield f"{each.deed} was acknowledged and told {told[code, subject]} times"


def _expected(each: Answered) -> Iterator[tuple[str, str]]:
    deed, _, seat = each.deed.partition(" ")
    content = json.loads(each.content)
    if deed == "invite":
        yield from (("membership.invited", member["id"]) for member in content["members"])
    else:
        code = {"form": "consortium.formed", "accept": "membership.accepted", "dissolve": "consortium.dissolved",
                "sign": "membership.signed"}[deed]  # fmt: skip
        yield code, seat or content["id"]


def ghosts(answered: Iterable[Answered], consortia: Iterable[UUID]) -> Iterator[str]:
    """Tell which consortium is there although nobody was told that it was formed."""
    formed = {json.loads(each.content)["id"] for each in answered if each.done and each.deed == "form"}
    yield from (f"consortium {identity} is a ghost" for identity in consortia if str(identity) not in formed)


def misheard(heard: Sequence[str], told: Sequence[str]) -> Iterator[str]:
    """Tell where what a reader heard is not, from its first event on, exactly what was told, in that order."""
    if list(heard) != list(told):
        place = next((at for at, pair in enumerate(zip(heard, told, strict=False)) if pair[0] != pair[1]), None)
        yield f"heard {len(heard)} of {len(told)}, another at {place}"


def undone(jobs: Iterable[Any], marks: Mapping[str, int]) -> Iterator[str]:
    """Tell which job is not done, or has not exactly one effect."""
    for job in jobs:
        effects = marks.get(job.id.hex[:20], 0)
        if (job.state, effects) != ("done", 1):
            yield f"a job is {job.state} with {effects} effects after {job.tries} tries"
