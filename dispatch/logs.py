"""Logs: one event a line, JSON for machines or text for a terminal, without personal data.

Libraries that log through the standard library (Faust, aiokafka, Alembic) come out the same way.
"""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dispatch.masking import Masker, describe_exception, mask_foreign
from dispatch.sparing import Sparing

# Libraries that tell at every step what an operator needs only when it goes wrong.
CHATTY = ("faust", "mode", "aiokafka", "alembic")
# Libraries that say the same at every attempt.
REPETITIVE = ("aiokafka",)


def configure(
    log_format: Literal["json", "console"] | None = None,
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Send all logs of this process, from `level` up, to `stream` (standard error).

    Without a format a terminal gets text and everything else JSON.
    """
    stream = stream or sys.stderr
    as_text = log_format == "console" or (log_format is None and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_context(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_context(), _distrust],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Once, when a line is rendered, whoever logged it.
                _describe_exception,
                Masker(),
                renderer,
            ],
        )
    )
    handler.addFilter(Sparing(REPETITIVE))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


def _context() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _distrust(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask more in what a library says than in what we say."""
    event["event"] = mask_foreign(str(event["event"]))
    return event


def _describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the exception in: where it came from, and what it and its causes said, masked."""
    given: Any = event.pop("exc_info", None)
    error: BaseException | None = None
    match given:
        case BaseException():
            error = given
        case (_, BaseException() as error, _):
            pass
        case None | False | (None, None, None):
            pass
        case _:
            error = sys.exc_info()[1]
    if error is not None:
        event["exception"] = "\n".join(_chain(error))
    return event


def _chain(error: BaseException) -> list[str]:
    lines: list[str] = []
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        lines += [describe_exception(following), *_places(following.__traceback__)]
        if isinstance(following, BaseExceptionGroup):
            for member in following.exceptions:
                lines += ["  with " + line for line in _chain(member)]
        unsaid = following.__context__ if not following.__suppress_context__ else None
        following = following.__cause__ or unsaid
        if following is not None:
            lines.append("because of")
    return lines


def _places(tail: TracebackType | None) -> list[str]:
    # Neither source lines nor locals: they may hold anything.
    return [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(tail)
    ]
