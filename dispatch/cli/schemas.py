"""`dispatch schemas`: write the contract's files, or check that they are as the models have it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import click

from dispatch.cli import localised
from dispatch.compatibility import incompatibilities
from dispatch.language import text
from dispatch.schemas import ASYNCAPI_FILE, direction_of, files


@localised.command("schemas")
@localised.option("--check", is_flag=True, help="schemas.check")
@localised.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default="schemas",
    show_default=True,
    metavar="DIR",
    help="schemas.out",
)
def command(check: bool, out: Path) -> int:
    """Write or check; status 1 when files differ, or would break others."""
    wanted = files()
    found = read(out)
    breaking = breaks(found, wanted)
    for line in breaking:
        click.echo(line, err=True)
    if check:
        drift = drifts(found, wanted)
        for line in drift:
            click.echo(line, err=True)
        if not drift and not breaking:
            click.echo(text("schemas.current", number=len(wanted)))
        return 1 if drift or breaking else 0
    if breaking:
        return 1
    out.mkdir(parents=True, exist_ok=True)
    for name, content in wanted.items():
        if found.get(name) != content:
            (out / name).write_text(content, encoding="utf-8")
            click.echo(text("schemas.written", file=out / name))
    return 0


def read(folder: Path) -> dict[str, str]:
    """Return the contract's files in a folder by their names."""
    paths = [*sorted(folder.glob("*.json")), folder / ASYNCAPI_FILE]
    return {path.name: path.read_text(encoding="utf-8") for path in paths if path.is_file()}


def drifts(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Say which files are missing or are not as they are wanted."""
    return [
        text(f"schemas.{'differs' if name in found else 'missing'}", file=name)
        for name, content in wanted.items()
        if found.get(name) != content
    ]


def breaks(found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Say where what is wanted would break those who publish or read by what is there."""
    said = []
    for name, content in found.items():
        if name == ASYNCAPI_FILE:
            continue
        if name not in wanted:
            said.append(text("schemas.unknown", file=name))
            continue
        direction = cast("Literal['input', 'output']", direction_of(name))
        said += [
            text("schemas.breaks", file=name, change=change)
            for change in incompatibilities(
                json.loads(content), json.loads(wanted[name]), direction
            )
        ]
    return said
