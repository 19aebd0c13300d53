"""Logs: one event a line, JSON for machines or text for a terminal, without personal data.

Libraries that log through the standard library (Faust, aiokafka, Alembic) come out the same way,
and so does what nobody caught. Whatever a line quotes is text, and it is one line.
"""

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dispatch.log_writer import LineWriter
from dispatch.masking import Masker, describe_exception, mask_foreign
from dispatch.shown import json_of, shown, shown_lines
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

    Without a format a terminal gets text and everything else JSON. What would be written to
    standard error by itself when nobody catches an exception is logged there too.
    """
    if stream is None:
        _log_uncaught()
        stream = sys.stderr
    as_text = log_format == "console" or (log_format is None and stream.isatty())
    renderer: Processor = _ConsoleRenderer(colors=stream.isatty()) if as_text else _render_json
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
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_context(), _distrust],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Once, when a line is rendered, whoever logged it.
            _describe_exception,
            Masker(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
    )
    handler = _handler(stream, formatter)
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
    ]


class _WriterHandler(logging.Handler):
    """Has the lines written by a thread; none of its callers waits."""

    def __init__(self, descriptor: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._writer = LineWriter(descriptor, self._tell)

    def emit(self, record: logging.LogRecord) -> None:
        """Give a line to the thread."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - a line must not end what it tells of
            line = f"{record.name}: a line that can't be shown: {type(error).__name__}"
        self._writer.write(line)

    def flush(self) -> None:
        """Wait a moment for the thread: what runs at the end of the process."""
        self._writer.flush()

    def _tell(self, number: int) -> str:
        said = f"{number} log lines were dropped: nobody read them in time"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, (), None)
        record.dropped = number
        return self.format(record)


def _handler(stream: TextIO, formatter: logging.Formatter) -> logging.Handler:
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):
        # It is kept in memory, and nobody waits for that.
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        return handler
    stream.flush()
    return _WriterHandler(descriptor, formatter)


def _log_uncaught() -> None:
    log = structlog.get_logger(__name__)

    def of_main(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("ended by an error", exc_info=error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, SystemExit):
            log.error("a thread ended by an error", exc_info=args.exc_value)

    def of_nobody(args: "sys.UnraisableHookArgs") -> None:
        log.error("an error that nobody can catch", exc_info=args.exc_value)

    sys.excepthook = of_main
    threading.excepthook = of_thread
    sys.unraisablehook = of_nobody


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json_of(event).decode()


class _ConsoleRenderer:
    """Text in colours, in which all but its own colours and the lines of an exception is text."""

    def __init__(self, *, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=colors)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        return self._render(logger, method, {shown(k): _as_text(k, v) for k, v in event.items()})


def _as_text(key: str, value: Any) -> Any:
    match value:
        case str():
            return shown_lines(value) if key == "exception" else shown(value)
        case dict() | list():
            return shown(repr(value))
        case _:
            return value


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
        lines += [shown(describe_exception(following)), *_places(following.__traceback__)]
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
