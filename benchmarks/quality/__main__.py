"""How good the choice of units is: `python -m benchmarks.quality DATA`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.quality.bound import Unbounded
from benchmarks.quality.picture import draw
from benchmarks.quality.record import CALLS_FILE, HOSPITALS_FILE, read_record
from benchmarks.quality.report import as_dict, show
from benchmarks.quality.study import study
from dispatch.errors import ConfigurationError
from dispatch.policy.pack import load_pack

# Where the data is, unless the command says so.
DATA_VARIABLE = "DISPATCH_DATA"


def main(given: Sequence[str]) -> int:
    """Carry out the study and print its tables; return 2 when it can't be."""
    arguments = _arguments(given)
    began = time.monotonic()

    def progress(part: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {part}\n")
        sys.stderr.flush()

    pack = load_pack(arguments.policy)
    try:
        record = read_record(arguments.data, pack, days=arguments.days, seed=arguments.seed)
        found = study(record, pack, seed=arguments.seed, progress=progress)
    except (ConfigurationError, Unbounded) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    show(found, Console())
    if arguments.json is not None:
        text = json.dumps(as_dict(found), ensure_ascii=False, indent=1)
        arguments.json.write_text(text + "\n", encoding="utf-8")
    if arguments.picture is not None:
        draw(found, record, arguments.picture)
    progress("done")
    return 0


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    usual = os.environ.get(DATA_VARIABLE)
    parser = argparse.ArgumentParser("python -m benchmarks.quality", description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        nargs="?" if usual else None,
        default=usual and Path(usual),
        metavar="DATA",
        help=f"the folder of {CALLS_FILE} and {HOSPITALS_FILE}; else ${DATA_VARIABLE}",
    )
    parser.add_argument("--days", type=int, metavar="N", help="only the first so many days")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--policy", default="covid-19", metavar="PACK")
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--picture", type=Path, metavar="OUT", help="an SVG file")
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
