"""A worker process that answers questions after a pause: test_answers.py kills it in the middle of one."""

import asyncio
import sys

from api import logs
from api.jobs import Effect, JobContext
from api.jobs.answer import answer
from api.settings import Settings
from api.worker import until_told


async def slowly(context: JobContext) -> Effect:
    """Answer as always, then wait before what was found is kept."""
    effect = await answer(context)
    await asyncio.sleep(float(sys.argv[2]))
    return effect


if __name__ == "__main__":
    logs.start(as_json=True)
    asyncio.run(until_told(Settings(heartbeat_seconds=1.5), sys.argv[1], jobs={"answer": slowly}))
