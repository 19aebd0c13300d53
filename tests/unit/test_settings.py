import os
import ssl
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from dispatch.errors import ConfigurationError
from dispatch.settings import load_settings


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_every_setting_has_a_default() -> None:
    settings = load_settings()
    assert settings.topic_prefix == "dispatch."
    assert settings.policy == "covid-19"
    assert settings.web.host == "127.0.0.1"
    assert settings.kafka.enable_idempotence


def test_the_command_wins_then_the_environment_then_the_file_then_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(
        tmp_path / "dispatch.toml",
        'policy = "file"\nbatch_size = 3\n[kafka]\nclient_id = "file"\nbootstrap_servers = "f:1"\n',
    )
    monkeypatch.setenv("DISPATCH_POLICY", "environment")
    monkeypatch.setenv("DISPATCH_BATCH_SIZE", "2")
    monkeypatch.setenv("DISPATCH_KAFKA__CLIENT_ID", "environment")
    settings = load_settings(
        config,
        overrides={"policy": "command"},
        fallback={
            "topic_prefix": "stack.",
            "kafka": {"bootstrap_servers": "s:1", "enable_idempotence": False},
        },
    )
    assert settings.policy == "command"
    assert settings.batch_size == 2
    assert settings.kafka.client_id == "environment"
    assert settings.kafka.bootstrap_servers == "f:1"
    assert not settings.kafka.enable_idempotence
    assert settings.topic_prefix == "stack."


def test_the_environment_may_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path / "dispatch.toml", "batch_size = 7")
    monkeypatch.setenv("DISPATCH_CONFIG", str(config))
    assert load_settings().batch_size == 7


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("DISPATCH_BATCH_SIZE", "0", "DISPATCH_BATCH_SIZE: Input should be greater"),
        ("DISPATCH_KAFKA__NOSUCH", "1", "DISPATCH_KAFKA__NOSUCH: there is no such setting"),
        (
            "DISPATCH_KAFKA_BOOTSTRAP_SERVERS",
            "k:1",
            "DISPATCH_KAFKA_BOOTSTRAP_SERVERS: there is no such setting; DISPATCH_KAFKA__BOOT",
        ),
        ("DISPATCH_BATCHSIZE", "7", "DISPATCH_BATCHSIZE: there is no such setting; DISPATCH_BATCH"),
        ("DISPATCH_KAFAK__CLIENT_ID", "x", "DISPATCH_KAFAK__CLIENT_ID: there is no such setting;"),
        ("DISPATCH_LOG_LEVL", "info", "DISPATCH_LOG_LEVL: there is no such setting; DISPATCH_LOG_"),
        ("DISPATCH_KAFKA__SSL_CA_FILE", "/no/such", "DISPATCH_KAFKA__SSL_CA_FILE: Path does not"),
        ("DISPATCH_KAFKA__SECURITY_PROTOCOL", "SASL_SSL", "kafka: SASL_SSL needs sasl_username"),
        ("DISPATCH_KAFKA", "words", "DISPATCH_KAFKA: not a JSON object"),
        ("DISPATCH_DATABASE__DSN", "mysql://x", "DISPATCH_DATABASE__DSN: must be a URL"),
        ("DISPATCH_CONFIG", "/no/such.toml", "/no/such.toml: No such file"),
    ],
)
def test_a_fault_in_the_environment_names_its_variable_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    [
        *("DISPATCH_SERVICE_HOST", "DISPATCH_SERVICE_PORT", "DISPATCH_PORT"),
        *("DISPATCH_PORT_9464_TCP", "DISPATCH_PORT_9464_TCP_ADDR", "DISPATCH_LANG"),
        "DISPATCH_KAFKA_SERVICE_HOST",
    ],
)
def test_variables_that_others_set_are_let_be(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "x")
    load_settings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("batch_size = 0", "batch_size: Input should be greater"),
        ("nosuch = 1", "nosuch: there is no such setting"),
        ("[kafka]\nnosuch = 1", "kafka.nosuch: there is no such setting"),
        ("[web]\nport = 70000", "web.port: Input should be less"),
        ("batch_size =", "is not TOML"),
    ],
)
def test_a_fault_in_the_file_names_the_file_and_the_setting(
    tmp_path: Path, content: str, message: str
) -> None:
    config = write(tmp_path / "dispatch.toml", content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config)
    assert str(caught.value).startswith(f"{config}: {message}")
    assert "\n" not in str(caught.value)


def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_DATABASE__DSN", "hunter2")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_kafka_without_security_needs_only_the_address() -> None:
    assert load_settings().kafka.client_options() == {
        "bootstrap_servers": "127.0.0.1:9092",
        "client_id": "dispatch",
        "security_protocol": "PLAINTEXT",
    }


def test_kafka_with_sasl_and_tls_takes_its_secret_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = write(tmp_path / "password", "hunter2\n")
    monkeypatch.setenv("DISPATCH_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_USERNAME", "dispatch")
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_PASSWORD_FILE", str(secret))
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    options = settings.kafka.client_options()
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert options["sasl_plain_username"] == "dispatch"
    assert options["sasl_plain_password"] == "hunter2"
    context = options["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_kafka_with_oauthbearer_reads_its_token_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = write(tmp_path / "token", "first\n")
    monkeypatch.setenv("DISPATCH_KAFKA__SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_MECHANISM", "OAUTHBEARER")
    with pytest.raises(ConfigurationError, match="OAUTHBEARER needs sasl_token_file"):
        load_settings()
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_TOKEN_FILE", str(token))
    options = load_settings().kafka.client_options()
    assert options["sasl_mechanism"] == "OAUTHBEARER"
    assert "sasl_plain_password" not in options
    provider = options["sasl_oauth_token_provider"]
    assert await provider.token() == "first"
    write(token, "second\n")
    assert await provider.token() == "second"
    token.write_bytes(b"\xff")
    with pytest.raises(OSError, match="holds no token"):
        await provider.token()
    await AIOKafkaConsumer(**options).stop()


def test_kafka_with_kerberos_says_what_it_needs_or_names_service_and_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPATCH_KAFKA__SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_MECHANISM", "GSSAPI")
    monkeypatch.setattr("dispatch.settings.find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="GSSAPI needs the Python package gssapi"):
        load_settings()
    monkeypatch.setattr("dispatch.settings.find_spec", lambda _name: object())
    monkeypatch.setenv("DISPATCH_KAFKA__SASL_KERBEROS_DOMAIN_NAME", "broker.example")
    options = load_settings().kafka.client_options()
    assert options["sasl_kerberos_service_name"] == "kafka"
    assert options["sasl_kerberos_domain_name"] == "broker.example"


def test_certificates_that_are_none_are_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPATCH_KAFKA__SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("DISPATCH_KAFKA__SSL_CA_FILE", str(write(tmp_path / "ca", "nonsense")))
    with pytest.raises(ConfigurationError, match=r"kafka\.ssl: can't use the certificates"):
        load_settings().kafka.client_options()


def test_a_secret_is_given_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_DATABASE__PASSWORD", "a")
    monkeypatch.setenv("DISPATCH_DATABASE__PASSWORD_FILE", str(write(tmp_path / "b", "b")))
    with pytest.raises(ConfigurationError, match="exclude each other"):
        load_settings()


def test_the_databases_options_carry_its_tls_settings_and_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = write(tmp_path / "ca.pem", "x")
    monkeypatch.setenv(
        "DISPATCH_DATABASE__DSN", "postgresql://d@db.example:5433/city?sslmode=allow"
    )
    monkeypatch.setenv("DISPATCH_DATABASE__SSL_MODE", "verify-full")
    monkeypatch.setenv("DISPATCH_DATABASE__SSL_CA_FILE", str(authority))
    monkeypatch.setenv("DISPATCH_DATABASE__PASSWORD_FILE", str(write(tmp_path / "pw", "secret\n")))
    assert load_settings().database.connect_options() == {
        "dsn": f"postgresql://d@db.example:5433/city?sslmode=verify-full&sslrootcert={authority}",
        "password": "secret",
    }


def test_a_unix_sockets_url_stays_as_it_is() -> None:
    dsn = "postgresql://postgres@/dispatch?host=/run/with%20space"
    settings = load_settings(fallback={"database": {"dsn": dsn}})
    assert settings.database.connect_options() == {"dsn": dsn}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps its data there")
def test_roots_data_is_where_postgresqls_account_can_reach_it() -> None:
    assert load_settings().data_dir == Path("/var/lib/ambulance-dispatch")


def options_of(dsn: str) -> dict[str, str]:
    return load_settings(fallback={"database": {"dsn": dsn}}).database.connect_options()


@pytest.fixture
def no_libpq_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("no_libpq_settings")
@pytest.mark.parametrize(
    "where",
    [
        *("db.example", "db.example:5433", "10.0.0.1", "[2001:db8::1]:5432", "a,b:1"),
        *("127.0.0.1,b", "u:p@db.example", "localhost.example", "0.0.0.0"),
    ],
)
def test_a_database_off_this_machine_is_verified(where: str) -> None:
    dsn = options_of(f"postgresql://{where}/city")["dsn"]
    assert dsn.startswith(f"postgresql://{where}/city?sslmode=verify-full&sslrootcert=/")
    assert Path(dsn.rpartition("=")[2]).is_file()


@pytest.mark.usefixtures("no_libpq_settings")
@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql:///city",
        "postgresql://127.0.0.1/city",
        "postgresql://u:p@localhost:5432/city",
        "postgresql://[::1]:5432/city",
        "postgresql://%2Frun%2Fpostgresql/city",
        "postgresql://u@/city?host=/run/postgresql",
        "postgresql://db.example/city?sslmode=disable",
        "postgresql://db.example/city?sslmode=prefer",
    ],
)
def test_one_on_this_machine_or_told_otherwise_is_not(dsn: str) -> None:
    assert options_of(dsn) == {"dsn": dsn}


@pytest.mark.usefixtures("no_libpq_settings")
def test_a_service_may_lead_anywhere_so_how_it_is_verified_has_to_be_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigurationError, match=r"say database\.ssl_mode"):
        options_of("postgresql:///city?service=main")
    assert options_of("postgresql:///city?service=main&sslmode=disable")
    monkeypatch.setenv("PGSERVICE", "main")
    with pytest.raises(ConfigurationError, match=r"say database\.ssl_mode"):
        options_of("postgresql:///city")
    monkeypatch.delenv("PGSERVICE")
    monkeypatch.setenv("PGHOSTADDR", "10.0.0.1")
    assert "sslmode=verify-full" in options_of("postgresql:///city")["dsn"]


@pytest.mark.usefixtures("no_libpq_settings")
def test_the_setting_decides_before_the_url_and_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DISPATCH_DATABASE__SSL_MODE", "disable")
    assert options_of("postgresql://db.example/x?sslmode=require") == {
        "dsn": "postgresql://db.example/x?sslmode=disable"
    }
    monkeypatch.delenv("DISPATCH_DATABASE__SSL_MODE")
    monkeypatch.setenv("PGSSLMODE", "require")
    assert options_of("postgresql://db.example/x") == {"dsn": "postgresql://db.example/x"}


@pytest.mark.usefixtures("no_libpq_settings")
def test_authorities_of_libpq_come_before_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = {"dsn": "postgresql://db.example/x?sslmode=verify-full"}
    (tmp_path / ".postgresql").mkdir()
    write(tmp_path / ".postgresql" / "root.crt", "x")
    assert options_of("postgresql://db.example/x") == verified
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("PGSSLROOTCERT", "/somewhere")
    assert options_of("postgresql://db.example/x") == verified


@pytest.mark.usefixtures("no_libpq_settings")
def test_without_any_authority_the_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatch.settings._AUTHORITIES", ())
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with pytest.raises(ConfigurationError, match=r"database\.ssl_ca_file, .* database\.ssl_mode"):
        options_of("postgresql://db.example/x")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://[::1", "its host and port can't be told"),
        ("postgresql://::1/x", "must be 1 to 65535"),
        ("postgresql://h]/x", "its host and port can't be told"),
        ("postgresql://h:0/x", "must be 1 to 65535"),
        ("postgresql://h:65536/x", "must be 1 to 65535"),
        ("postgresql://h:５432/x", "must be 1 to 65535"),
        ("postgresql://h:x1/x", "must be 1 to 65535"),
        ("postgresql:///x?port=many", "must be 1 to 65535"),
        ("postgresql://u:hunter2%zz@h/x", "% that begins no escape"),
        ("postgresql://u:hunter2%0@h/x", "% that begins no escape"),
        ("postgresql://u:hunter2%00@h/x", "% that begins no escape"),
        ("postgresql://u:hunter2@h/x?sslmode=verify_full", "sslmode must be one of"),
    ],
)
def test_a_malformed_url_gives_one_line_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        options_of(url)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "exposed"),
    [
        ({"bootstrap_servers": "k1.example:9092, 127.0.0.1:9092"}, ["k1.example:9092"]),
        ({"bootstrap_servers": "[2001:db8::1]:9092"}, ["[2001:db8::1]:9092"]),
        ({"bootstrap_servers": "localhost:9092,[::1]:9092,127.0.0.2:1"}, []),
        ({"bootstrap_servers": "k1.example:9092", "security_protocol": "SSL"}, []),
        (
            {
                "bootstrap_servers": "k1.example:9092",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_username": "u",
                "sasl_password": "p",
            },
            ["k1.example:9092"],
        ),
    ],
)
def test_brokers_to_which_all_goes_unencrypted_are_named(
    settings: dict[str, str], exposed: list[str]
) -> None:
    assert load_settings(overrides={"kafka": settings}).kafka.in_the_clear == exposed


@pytest.mark.parametrize(
    "servers",
    ["k1", "k1:9092, k2:9093", "[::1]:9092", "::1", "[2001:db8::1]", "10.0.0.1:1", "a:1,"],
)
def test_addresses_of_brokers_are_taken(servers: str) -> None:
    found = load_settings(overrides={"kafka": {"bootstrap_servers": servers}})
    assert found.kafka.bootstrap_servers == servers


@pytest.mark.parametrize(
    "servers",
    ["k1:x", "k1:0", "k1:65536", "[::1", "::1]:9092", "k1:9092,k2:", "a:b:c", "k1:９０９２"],
)
def test_what_is_no_address_of_a_broker_is_refused(servers: str) -> None:
    with pytest.raises(ConfigurationError, match=r"kafka\.bootstrap_servers: must be addresses"):
        load_settings(overrides={"kafka": {"bootstrap_servers": servers}})
