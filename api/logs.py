"""Log lines: one for each request and one for each job, as JSON for a collector or readable at a terminal.

An event is named ``noun.verb-past``. What a person sent, what a firm asks for its work, and secrets are never logged.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

bind = structlog.contextvars.bind_contextvars
"""Add what every later line of this task tells, such as ``request`` or ``job``."""
forget = structlog.contextvars.clear_contextvars


def start(*, as_json: bool) -> None:
    """Send log lines to standard error, ours and those of the libraries alike."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        inert,
        structlog.processors.format_exc_info,
    ]
    shown: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(structlog.stdlib.ProcessorFormatter(processor=shown, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[lines], level=logging.WARNING, force=True)
    logging.getLogger("lianzhou").setLevel(logging.INFO)


def inert(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters of what a line tells as escapes: nobody's words begin a line or colour a terminal.

    >>> inert(None, "", {"path": "/a\\nlevel=error"})
    {'path': '/a\\\\nlevel=error'}
    """
    for name, value in line.items():
        if isinstance(value, str) and not value.isprintable():
            line[name] = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return line


def logger() -> Any:
    """Return the logger that every module of the shell uses."""
    return structlog.get_logger("lianzhou")
