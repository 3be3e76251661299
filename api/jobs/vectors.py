"""The vector job: every distinct phrase gets its vectors once, in batches, each batch its own commit."""

from anyio import to_thread

from api.jobs import Effect, JobContext, only
from api.queries import vectors
from api.vectors import BATCH, available, encode_all


async def fill(context: JobContext) -> Effect:
    """Compute the vectors that are missing, reporting done and all; a second run goes on where the first was ended."""
    encoders = [encoder for encoder in available() if encoder.background]
    if not encoders:
        return only({"code": "no-encoder"})
    async with context.sessions() as session:
        done, every = await vectors.counts(session)
    start = done
    while not context.cancelled.is_set():
        async with context.sessions() as session:
            phrases = await vectors.empty(session, BATCH)
        if not phrases:
            break
        rows = {each.name: await to_thread.run_sync(encode_all, each, phrases) for each in encoders}
        async with context.sessions.begin() as session:
            await vectors.fill(session, phrases, rows)
        done += len(phrases)
        await context.report({"done": done, "all": max(every, done)})
    return only({"filled": done - start, "all": max(every, done)})
