"""A centre behind TLS, logins and access lists: Apache Kafka, PostgreSQL, users in their roles."""

import asyncio
import contextlib
import os
import pwd
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import asyncpg

from dispatch.settings import DatabaseSettings, KafkaSettings
from dispatch.stack.addresses import free_port
from dispatch.stack.kafka_cluster import KafkaCluster
from dispatch.stack.kafka_security import ADMINISTRATOR, BROKER, Security
from dispatch.stack.postgres import DATABASE, ROOT_STAND_IN, Postgres
from dispatch.stack.process import Process
from dispatch.store.plan import read_plan
from dispatch.store.schema import amigrate
from dispatch.topic_admin.access import open_access
from dispatch.topic_admin.cluster import open_admin
from dispatch.topic_admin.promise import wanted_topics
from dispatch.topic_admin.roles import entries
from tests import postgres_with_tls
from tests.apache_kafka import fetch
from tests.certificates import HOST, authority, certify

CITY = Path(str(resources.files("dispatch"))) / "cities" / "hulunbuir.toml"
RIGHTS = Path(__file__).parents[3] / "deploy" / "postgres" / "worker-rights.sql"
PREFIX = "dispatch."
HOSPITAL, OTHER_HOSPITAL = "CITY-INFECTIOUS", "YKS-SECOND"
DATABASE_USER = "dispatch_worker"
UNIT, OTHER_UNIT, THIRD_UNIT = "HLR-T1", "HLR-T2", "HLR-01"
# User: role, and for whom of the city's plan.
USERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "worker": ("worker", ()),
    "console": ("console", ()),
    "crew": ("crew", (UNIT,)),
    "dispatcher": ("crew", (OTHER_UNIT, THIRD_UNIT)),
    "gateway": ("gateway", ()),
    HOSPITAL: ("hospital", (HOSPITAL,)),
    OTHER_HOSPITAL: ("hospital", (OTHER_HOSPITAL,)),
    "institution": ("institution", (OTHER_HOSPITAL,)),
    "decontamination": ("decontamination", ()),
    "operator": ("operator", ()),
    "topics": ("topics", ()),
}


@dataclass
class Centre:
    """Where everything is, and everybody's password, each in a file of its own too."""

    directory: Path
    kafka: KafkaCluster
    postgres: Postgres
    database_port: int
    passwords: dict[str, str]
    workers: list[Process] = field(default_factory=list)
    betrayed: set[str] = field(default_factory=set)

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def other_ca_file(self) -> Path:
        return self.directory / "other-ca.pem"

    @property
    def logs(self) -> list[Path]:
        """The logs of everything that runs here."""
        return list(self.directory.rglob("*.log"))

    async def watch(self) -> None:
        """Note every command line on this machine that shows a password."""
        while True:
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    said = file.read_bytes().decode("utf-8", "replace")
                    if any(password in said for password in self.passwords.values()):
                        self.betrayed.add(said)
            await asyncio.sleep(0.2)

    @property
    def database_url(self) -> str:
        return f"postgresql://{DATABASE_USER}@{HOST}:{self.database_port}/{DATABASE}"

    def password_file(self, user: str) -> Path:
        return self.directory / f"{user}.password"

    def kafka_settings(self, user: str, **changes: Any) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.kafka.bootstrap,
            "security_protocol": "SASL_SSL",
            "sasl_username": user,
            "sasl_password_file": self.password_file(user),
            "ssl_ca_file": self.ca_file,
        } | changes

    def database_settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "dsn": self.database_url,
            "password_file": self.password_file(DATABASE_USER),
            "ssl_mode": "verify-full",
            "ssl_ca_file": self.ca_file,
        } | changes

    def options(self, user: str, **changes: Any) -> dict[str, Any]:
        """Return the options of an aiokafka client that logs in as a user."""
        return KafkaSettings(**self.kafka_settings(user, **changes)).client_options()

    def connect_options(self, **changes: Any) -> dict[str, Any]:
        return DatabaseSettings(**self.database_settings(**changes)).connect_options()

    def environment(self, user: str, **further: str) -> dict[str, str]:
        """Return the environment of a command that acts as a user; secrets are in files."""
        groups = {"KAFKA": self.kafka_settings(user), "DATABASE": self.database_settings()}
        return {
            f"DISPATCH_{group}__{name.upper()}": str(value)
            for group, settings in groups.items()
            for name, value in settings.items()
        } | {"DISPATCH_CITY": str(CITY), **further}

    def start_worker(self, **further: str) -> Path:
        """Start a worker, with the database's password in its environment; return its log."""
        log = self.directory / f"worker-{len(self.workers)}.log"
        environment = self.environment(
            "worker",
            DISPATCH_WEB__ENABLED="false",
            DISPATCH_LOG_FORMAT="json",
            DISPATCH_DATABASE__PASSWORD=self.passwords[DATABASE_USER],
            DISPATCH_DATABASE__PASSWORD_FILE="",
        )
        worker = Process(
            [sys.executable, "-m", "dispatch", "worker"],
            log=log,
            orphaned=signal.SIGKILL,
            environment={"PATH": os.environ["PATH"], **environment, **further},
        )
        self.workers.append(worker)
        return log


@asynccontextmanager
async def open_centre(directory: Path) -> AsyncIterator[Centre]:
    """Yield a running centre with its topics, users and rights, and no worker yet."""
    users = (ADMINISTRATOR, *USERS)
    passwords = {user: secrets.token_hex(16) for user in (*users, DATABASE_USER)}
    for user, password in passwords.items():
        (directory / f"{user}.password").write_text(password + "\n", "utf-8")
    ca = authority(directory / "ca.pem")
    authority(directory / "other-ca.pem")
    keystore = directory / "broker.pem"
    keystore.write_bytes(b"".join(certify(ca, BROKER)))
    security = Security(keystore, directory / "ca.pem", {user: passwords[user] for user in users})
    kafka = KafkaCluster(fetch(), directory / "kafka", brokers=1, security=security)
    port = free_port(HOST)
    server = directory / "server"
    server.mkdir()
    postgres = Postgres(
        server,
        durable=False,
        settings=_database_settings(server, port, *certify(ca, "database")),
        package=postgres_with_tls.fetch(),
    )
    centre = Centre(directory, kafka, postgres, port, passwords)
    async with AsyncExitStack() as exits:
        watching = asyncio.create_task(centre.watch())
        exits.callback(watching.cancel)
        exits.callback(postgres.close)
        exits.push_async_callback(postgres.stop)
        # Nothing is kept, so there is nothing to hand over in order.
        exits.callback(kafka.kill, 1)
        await asyncio.gather(kafka.start(), _start_database(centre))
        await _let_in(centre)
        try:
            yield centre
        finally:
            for worker in centre.workers:
                worker.kill()


def _database_settings(folder: Path, port: int, certificate: bytes, key: bytes) -> dict[str, str]:
    """Write what a server that takes nothing but TLS and SCRAM from the network needs."""
    access = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    files = {"hba": access.encode(), "certificate": certificate, "key": key}
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        if os.geteuid() == 0:
            account = pwd.getpwnam(ROOT_STAND_IN)
            os.chown(path, account.pw_uid, account.pw_gid)
    return {
        "listen_addresses": HOST,
        "port": str(port),
        "ssl": "on",
        "ssl_cert_file": str(folder / "certificate"),
        "ssl_key_file": str(folder / "key"),
        "hba_file": str(folder / "hba"),
        "password_encryption": "scram-sha-256",
    }


async def _start_database(centre: Centre) -> None:
    await centre.postgres.start()
    await amigrate({"dsn": centre.postgres.dsn})
    password = centre.passwords[DATABASE_USER]
    statements = [f"CREATE ROLE {DATABASE_USER} LOGIN PASSWORD '{password}'"]
    lines = RIGHTS.read_text("utf-8").splitlines()
    statements += [line for line in lines if line.startswith(("GRANT", "REVOKE"))]
    connection = await asyncpg.connect(centre.postgres.dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _let_in(centre: Centre) -> None:
    """Give every user the rights of its role, then make the topics as the user for that."""
    async with open_access(centre.options(ADMINISTRATOR)) as access:
        for user, (role, parties) in USERS.items():
            await access.allow(user, entries(role, user=user, prefix=PREFIX, parties=parties))
    wanted = wanted_topics(PREFIX, read_plan(CITY).topics, replication=1)
    async with open_admin(centre.options("topics")) as admin:
        assert (await admin.bring_about(wanted)).left == ()
