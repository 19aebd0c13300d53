"""What an operator can set: by environment, by TOML file, or left at its default.

An environment variable is `DISPATCH_` and the setting's name, `__` between levels
(`DISPATCH_KAFKA__BOOTSTRAP_SERVERS`); the file, named by `DISPATCH_CONFIG` or `--config`, has a
table a level. The environment wins. A secret may be given as the path of a file that holds it.
"""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from dispatch.errors import ConfigurationError
from dispatch.language import LANGUAGE_VARIABLE
from dispatch.toml_file import read_toml

ENVIRONMENT_PREFIX = "DISPATCH_"
NESTING = "__"
CONFIG_VARIABLE = "DISPATCH_CONFIG"
# Variables that are no settings.
_OWN_VARIABLES = {CONFIG_VARIABLE, LANGUAGE_VARIABLE}
# How like a setting's variable (0 to 1) another must be to be taken for a slip.
NEARLY = 0.9

LAST_PORT = 65_535
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ADDRESS = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(:(?P<port>.*))?")
# libpq's, of which `allow` is no setting here: it encrypts only where the server insists.
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Where distributions keep the authorities that they trust; Python was told of one of them.
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)

Port = Annotated[int, Field(ge=0, le=65535)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _secret(name: str, value: SecretStr | None, file: Path | None) -> str | None:
    """Return a secret given as itself or as the file that holds it, without its line end."""
    if value is not None:
        return value.get_secret_value()
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}_file: can't read {file}: {error}") from error


class KafkaSettings(_Group):
    """The Kafka cluster, and how to be let in."""

    bootstrap_servers: str = Field("127.0.0.1:9092", min_length=1)
    client_id: str = "dispatch"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] = (
        "SCRAM-SHA-512"
    )
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: FilePath | None = None
    # Read anew for each connection: whoever renews the token writes it there.
    sasl_token_file: FilePath | None = None
    sasl_kerberos_service_name: str = "kafka"
    sasl_kerberos_domain_name: str | None = None
    # Without one, the machine's own authorities are trusted.
    ssl_ca_file: FilePath | None = None
    ssl_cert_file: FilePath | None = None
    ssl_key_file: FilePath | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: FilePath | None = None
    ssl_check_hostname: bool = True
    # The embedded broker knows no idempotent producers; Apache Kafka does.
    enable_idempotence: bool = True
    session_timeout_ms: int = Field(6_000, ge=1_000, le=1_800_000)
    # How long a broker may sit on an empty fetch. Apache Kafka answers as soon as there is a
    # message; the embedded broker looks again only after about half of it.
    fetch_max_wait_ms: int = Field(500, ge=1, le=30_000)

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_addresses(cls, servers: str) -> str:
        for each in filter(None, map(str.strip, servers.split(","))):
            address = _ADDRESS.fullmatch(each)
            # An IPv6 address without a port may do without brackets.
            if each.count(":") > 1 and not each.startswith("["):
                good = _is_address(each)
            else:
                good = address is not None and (
                    address["port"] is None or _is_port(address["port"])
                )
            if not good:
                raise ValueError(f"must be addresses as host:port, separated by commas, not {each}")
        return servers

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.sasl_password is not None and self.sasl_password_file is not None:
            raise ValueError("sasl_password and sasl_password_file exclude each other")
        if self.ssl_key_password is not None and self.ssl_key_password_file is not None:
            raise ValueError("ssl_key_password and ssl_key_password_file exclude each other")
        if self.ssl_key_file is not None and self.ssl_cert_file is None:
            raise ValueError("ssl_key_file needs ssl_cert_file")
        if self.security_protocol.startswith("SASL"):
            self._check_sasl()
        return self

    def _check_sasl(self) -> None:
        match self.sasl_mechanism:
            case "OAUTHBEARER":
                if self.sasl_token_file is None:
                    raise ValueError("OAUTHBEARER needs sasl_token_file")
            case "GSSAPI":
                if find_spec("gssapi") is None:
                    raise ValueError("GSSAPI needs the Python package gssapi, which is not here")
            case _:
                if not self.sasl_username:
                    raise ValueError(f"{self.security_protocol} needs sasl_username")
                if self.sasl_password is None and self.sasl_password_file is None:
                    raise ValueError(
                        f"{self.security_protocol} needs sasl_password or sasl_password_file"
                    )

    def client_options(self) -> dict[str, Any]:
        """Return the keyword arguments that every aiokafka client needs to connect.

        Raises ConfigurationError when a secret or a certificate can't be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            options |= self._sasl_options()
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        return options

    @property
    def in_the_clear(self) -> list[str]:
        """The first brokers off this machine to which everything goes unencrypted."""
        if self.security_protocol.endswith("SSL"):
            return []
        addresses = [each.strip() for each in self.bootstrap_servers.split(",")]
        hosts = {each: each.rpartition(":")[0].strip("[]") or each for each in addresses if each}
        return [each for each, host in hosts.items() if not _on_this_machine(host)]

    def _sasl_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"sasl_mechanism": self.sasl_mechanism}
        match self.sasl_mechanism:
            case "OAUTHBEARER":
                # Imported late: commands that only read settings need no Kafka client.
                from dispatch.kafka_token import TokenFile  # noqa: PLC0415

                assert self.sasl_token_file is not None
                options["sasl_oauth_token_provider"] = TokenFile(self.sasl_token_file)
            case "GSSAPI":
                options["sasl_kerberos_service_name"] = self.sasl_kerberos_service_name
                options["sasl_kerberos_domain_name"] = self.sasl_kerberos_domain_name
            case _:
                options["sasl_plain_username"] = self.sasl_username
                options["sasl_plain_password"] = _secret(
                    "kafka.sasl_password", self.sasl_password, self.sasl_password_file
                )
        return options

    def _ssl_context(self) -> ssl.SSLContext:
        password = _secret(
            "kafka.ssl_key_password", self.ssl_key_password, self.ssl_key_password_file
        )
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca_file)
            context.check_hostname = self.ssl_check_hostname
            if self.ssl_cert_file is not None:
                # Without a callable, OpenSSL would ask at the terminal for a missing password.
                context.load_cert_chain(
                    self.ssl_cert_file, self.ssl_key_file, password=lambda: password or ""
                )
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"kafka.ssl: can't use the certificates: {error}") from error
        return context


class DatabaseSettings(_Group):
    """The PostgreSQL database, and how to be let in."""

    dsn: SecretStr = SecretStr("postgresql:///dispatch")
    password: SecretStr | None = None
    password_file: FilePath | None = None
    ssl_mode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] | None = None
    ssl_ca_file: FilePath | None = None
    ssl_cert_file: FilePath | None = None
    ssl_key_file: FilePath | None = None

    @field_validator("dsn")
    @classmethod
    def _is_url(cls, dsn: SecretStr) -> SecretStr:
        url = dsn.get_secret_value()
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a URL: postgresql://user@host:port/database")
        if _NO_ESCAPE.search(url) or "%00" in url:
            raise ValueError("has a % that begins no escape; the character itself is %25")
        try:
            hosts = _hosts_of(url)
        except ValueError:
            raise ValueError("is not a URL: its host and port can't be told") from None
        for host, port in hosts:
            if port and not _is_port(port):
                raise ValueError(f"the port of {host or 'its host'} must be 1 to {LAST_PORT}")
        for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
            if name == "sslmode" and value not in _SSL_MODES:
                raise ValueError(f"its sslmode must be one of {', '.join(_SSL_MODES)}")
        return dsn

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file exclude each other")
        if self.ssl_key_file is not None and self.ssl_cert_file is None:
            raise ValueError("ssl_key_file needs ssl_cert_file")
        return self

    def connect_options(self) -> dict[str, Any]:
        """Return the keyword arguments (`dsn`, `password`) that asyncpg needs to connect.

        psycopg takes the same URL as its `conninfo`. Who is off this machine is verified, unless
        `ssl_mode`, the URL or PGSSLMODE says otherwise. Raises ConfigurationError when the
        password's file can't be read, or when there is no authority to verify by.
        """
        parts = urlsplit(self.dsn.get_secret_value())
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        given = {
            "sslmode": self.ssl_mode or self._mode_unless_told(query),
            "sslrootcert": self.ssl_ca_file,
            "sslcert": self.ssl_cert_file,
            "sslkey": self.ssl_key_file,
        }
        query |= {name: str(value) for name, value in given.items() if value is not None}
        if query.get("sslmode") in {"verify-ca", "verify-full"} and not _names_authorities(query):
            query["sslrootcert"] = _authorities()
        # urlunsplit would drop the empty host that a Unix socket's URL has.
        dsn = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if query:
            dsn += "?" + urlencode(query, quote_via=quote, safe="/:,")
        options: dict[str, Any] = {"dsn": dsn}
        password = _secret("database.password", self.password, self.password_file)
        if password is not None:
            options["password"] = password
        return options

    def _mode_unless_told(self, query: Mapping[str, str]) -> str | None:
        if "sslmode" in query or os.environ.get("PGSSLMODE"):
            return None
        if "service" in query or os.environ.get("PGSERVICE"):
            raise ConfigurationError(
                "database.dsn: a service (service=, PGSERVICE) may lead to any host: "
                "say database.ssl_mode (verify-full, or disable on this machine)"
            )
        hosts = [host for host, _ in _hosts_of(self.dsn.get_secret_value()) if host]
        hosts = hosts or [each for each in os.environ.get("PGHOST", "").split(",") if each]
        hosts += [each for each in os.environ.get("PGHOSTADDR", "").split(",") if each]
        return None if all(map(_on_this_machine, hosts)) else "verify-full"


def _hosts_of(url: str) -> list[tuple[str, str]]:
    """Return the hosts (or directories of sockets) and ports of a database's URL, as it has them.

    Raises ValueError where it has none that can be told.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    where = parts.netloc.rpartition("@")[2]
    found = []
    for each in where.split(",") if where else ():
        address = _ADDRESS.fullmatch(each)
        if address is None:
            raise ValueError("not a host and a port")
        found.append((unquote(address["host"].strip("[]")), address["port"] or ""))
    for name in ("host", "hostaddr"):
        found += [(host, "") for host in query.get(name, "").split(",") if host]
    found += [("", port) for port in query.get("port", "").split(",") if port]
    return found


def _is_port(port: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", port)) and 0 < int(port) <= LAST_PORT


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _on_this_machine(host: str) -> bool:
    """Tell whether a host's name or address, or a socket's directory, leads nowhere else."""
    if host.startswith(("/", "@")) or host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _names_authorities(query: Mapping[str, str]) -> bool:
    if query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT"):
        return True
    try:
        return (Path.home() / ".postgresql" / "root.crt").exists()
    except (OSError, RuntimeError):
        return False


def _authorities() -> str:
    """Return the file of the authorities that this machine trusts; libpq has none by itself."""
    for file in (ssl.get_default_verify_paths().cafile, *_AUTHORITIES):
        if file and Path(file).is_file():
            return file
    raise ConfigurationError(
        "database: its certificate is to be verified, and this machine trusts no authority: "
        "name one in database.ssl_ca_file, or set database.ssl_mode"
    )


class WebSettings(_Group):
    """Where health and metrics are served; port 0 is any that is free."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 9464
    # Where each worker leaves a file that tells Prometheus where it serves.
    discovery_dir: Path | None = None


def default_data_dir() -> Path:
    """Return where the embedded stack keeps its data unless it is told otherwise."""
    if os.geteuid() == 0:
        # PostgreSQL runs as another account then, which can't see into root's home.
        return Path("/var/lib/ambulance-dispatch")
    return platformdirs.user_data_path("ambulance-dispatch")


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=NESTING,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        # Kubernetes and shells leave empty variables behind.
        env_ignore_empty=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    topic_prefix: str = Field("dispatch.", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    policy: str = Field("covid-19", min_length=1)
    city: Path | None = None
    batch_size: int = Field(500, ge=1, le=10_000)
    log_format: Literal["json", "console"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    scenario_clock: Path | None = None
    data_dir: Path = Field(default_factory=default_data_dir)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over what `load_settings` read from the file."""
        assert isinstance(init_settings, InitSettingsSource)
        layers = init_settings.init_kwargs
        return (
            InitSettingsSource(settings_cls, layers.get("overrides", {})),
            env_settings,
            InitSettingsSource(settings_cls, layers.get("file", {})),
            InitSettingsSource(settings_cls, layers.get("fallback", {})),
        )


def load_settings(
    config: Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    fallback: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings: `overrides`, the environment, the file, then `fallback`.

    `config` is the TOML file's path; without it `DISPATCH_CONFIG` names one, or there is none.
    Raises ConfigurationError, in one line that names the setting and where it came from.
    """
    if config is None and os.environ.get(CONFIG_VARIABLE):
        config = Path(os.environ[CONFIG_VARIABLE])
    file = read_toml(config) if config is not None else {}
    layers: dict[str, Any] = {
        "overrides": dict(overrides or {}),
        "file": file,
        "fallback": dict(fallback or {}),
    }
    _refuse_misspelt()
    try:
        return Settings(**layers)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, config, file)) from error
    except SettingsError as error:
        # Only a whole table given in one variable has to be decoded.
        raise ConfigurationError(_undecodable()) from error


def _refuse_misspelt() -> None:
    """Refuse a variable that is nearly a setting's, as one underscore instead of two.

    Others are let be: Kubernetes sets some for any service that is called `dispatch`.
    """
    known = set(_variables(Settings))
    for name in sorted(os.environ):
        variable = name.upper()
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in known | _OWN_VARIABLES:
            continue
        if close := get_close_matches(variable, known, n=1, cutoff=NEARLY):
            raise ConfigurationError(f"{name}: there is no such setting; {close[0]} is meant?")


def _variables(model: type[BaseModel], prefix: str = ENVIRONMENT_PREFIX) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, variable + NESTING)


def _explain(error: ValidationError, config: Path | None, file: Mapping[str, Any]) -> str:
    """Put the first fault into one line: where the setting came from, which it is, why not."""
    fault = error.errors(include_input=False, include_url=False)[0]
    levels = [str(level) for level in fault["loc"]]
    name = ".".join(levels)
    reason = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        reason = "there is no such setting"
    variable = ENVIRONMENT_PREFIX + NESTING.join(levels).upper()
    if any(known.upper() == variable for known in os.environ):
        return f"{variable}: {reason}"
    level: Any = file
    for step in levels:
        level = level.get(step) if isinstance(level, Mapping) else None
    if level is not None:
        return f"{config}: {name}: {reason}"
    return f"{name}: {reason}"


def _undecodable() -> str:
    tables = {ENVIRONMENT_PREFIX + name.upper() for name in ("kafka", "database", "web")}
    given = next((name for name in os.environ if name.upper() in tables), "the environment")
    return f"{given}: not a JSON object; set one value a variable, as in {given}{NESTING}NAME"
