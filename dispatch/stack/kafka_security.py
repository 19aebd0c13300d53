"""TLS, logins and access lists for Apache Kafka on this machine."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ADMINISTRATOR: Final = "admin"
BROKER: Final = "broker"
_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
# Nobody but the super users may do anything that no access list allows.
_LISTS: Final[Mapping[str, object]] = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
}
# Without TLS, as nothing leaves the machine. Whoever comes without a login may do everything; who
# logs in, at an address of its own, what the lists allow.
ON_LOOPBACK: Final[Mapping[str, object]] = {
    "listener.security.protocol.map": (
        "CLIENTS:PLAINTEXT,LOGINS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.logins.scram-sha-512.sasl.jaas.config": _SCRAM,
    **_LISTS,
    "super.users": "User:ANONYMOUS",
}


@dataclass(frozen=True, slots=True)
class Security:
    """What a secured cluster is told: clients log in by SCRAM-SHA-512 over TLS, brokers by TLS.

    `keystore` (PEM) has the brokers' certificate, whose common name is `broker`, and its key in
    PKCS 8; `truststore` (PEM) the authority that has signed it. `passwords` are those of the users
    that there are from the start; among them may be the administrator, `admin`. Nobody else may do
    anything that no access list allows.
    """

    keystore: Path
    truststore: Path
    passwords: Mapping[str, str]

    @property
    def properties(self) -> dict[str, object]:
        """The brokers' settings."""
        return {
            "listener.security.protocol.map": "CLIENTS:SASL_SSL,BROKERS:SSL,CONTROLLER:SSL",
            "inter.broker.listener.name": "BROKERS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.brokers.ssl.client.auth": "required",
            "listener.name.controller.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self.keystore,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.truststore,
            "ssl.principal.mapping.rules": "RULE:^.*CN=([a-z]+).*$/$1/",
            **_LISTS,
            "super.users": f"User:{BROKER};User:{ADMINISTRATOR}",
        }

    @property
    def broker_options(self) -> dict[str, Any]:
        """The options of an aiokafka client that talks to the brokers as one of them."""
        context = ssl.create_default_context(cafile=self.truststore)
        context.load_cert_chain(self.keystore)
        return {"security_protocol": "SSL", "ssl_context": context}

    def write_users(self, file: Path) -> None:
        """Write what the tool that formats a data directory is told of the users.

        By a file that only its owner reads: everybody sees a process's arguments.
        """
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            for user, password in self.passwords.items():
                lines.write(f"--add-scram\nSCRAM-SHA-512=[name={user},password={password}]\n")
