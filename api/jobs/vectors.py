"""The vector job: every distinct phrase gets its vectors once, in batches, each batch its own commit."""

from anyio import to_thread

from api.db import transaction
from api.jobs import Effect, JobContext, only
from api.queries import vectors
from api.tenancy import Office, doing
from api.vectors import BATCH, Encoder, encode_all, of_this_process


async def fill(context: JobContext) -> Effect:
    """Compute the vectors that are missing, reporting done and all; a second run goes on where the first was ended.

    The fast encoder goes over all phrases first, so that search by meaning works within seconds of an import; the
    slower one refines it afterwards.
    """
    encoders = [encoder for encoder in (await of_this_process()).encoders if encoder.background]
    if not encoders:
        return only({"code": "no-encoder"})
    return only({encoder.name: await _fill(context, encoder) for encoder in encoders})


async def _fill(context: JobContext, encoder: Encoder) -> int:
    """Fill one encoder's vectors; return how many were computed."""
    computed = 0
    while not context.cancelled.is_set():
        async with transaction(context.sessions, doing(Office.WORKER)) as session:
            phrases = await vectors.empty(session, encoder.name, BATCH)
            done, every = await vectors.counts(session, encoder.name)
        if not phrases:
            break
        rows = await to_thread.run_sync(encode_all, encoder, phrases)
        async with transaction(context.sessions, doing(Office.WORKER)) as session:
            await vectors.fill(session, phrases, {encoder.name: rows})
        computed += len(phrases)
        await context.report({"stage": encoder.name, "done": done + len(phrases), "all": every})
    return computed
