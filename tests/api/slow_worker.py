"""A worker process whose one kind of job, ``slow``, takes long and leaves a mark: test_worker.py kills it."""

import asyncio
import os
import sys

from sqlalchemy.ext.asyncio import AsyncSession

from api import logs
from api.jobs import Effect, JobContext, Outcome
from api.settings import Settings
from api.worker import until_told
from tests.factories import make_organisation


async def slow(context: JobContext) -> Effect:
    """Think for as long as the payload says, telling who thinks; the effect is one new firm."""
    await context.report({"pid": os.getpid()})
    await asyncio.sleep(context.payload["seconds"])

    async def mark(session: AsyncSession) -> Outcome:
        firm = await make_organisation(session, name="the mark", credit_code=None, lei=context.job_id.hex[:20])
        return {"code": "marked", "pid": os.getpid(), "firm": str(firm.id)}

    return mark


if __name__ == "__main__":
    logs.start(as_json=True)
    settings = Settings(heartbeat_seconds=float(sys.argv[2]))
    asyncio.run(until_told(settings, sys.argv[1], jobs={"slow": slow}))
