"""Apache Kafka in the place of the embedded broker, for tests."""

import shutil
import subprocess
from pathlib import Path

from dispatch.stack.kafka_cluster import KafkaCluster

FETCH = Path(__file__).parents[1] / "deploy" / "kafka" / "fetch"


def fetch() -> Path:
    """Return the directory of Apache Kafka's jars, brought here if need be."""
    done = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


class ApacheKafka:
    """Brokers that, like the embedded one, forget everything when they stop."""

    def __init__(self, software: Path, brokers: int, directory: Path) -> None:
        self._software = software
        self._directory = directory / "kafka"
        self.replication = brokers
        self.client_settings = {"enable_idempotence": True, "session_timeout_ms": 6_000}
        self.cluster = KafkaCluster(software, self._directory, brokers=brokers)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(node.process.pid for node in self.cluster.nodes if node.process is not None)

    @property
    def bootstrap(self) -> str:
        return self.cluster.bootstrap

    @property
    def cluster_id(self) -> str:
        return self.cluster.cluster_id

    async def start(self) -> None:
        await self.cluster.start()

    async def stop(self) -> None:
        # Nothing is kept, so there is nothing to hand over in order.
        for node in self.cluster.nodes:
            self.cluster.kill(node.number)
        shutil.rmtree(self._directory)
        ports = [node.port for node in self.cluster.nodes]
        self.cluster = KafkaCluster(
            self._software, self._directory, brokers=self.replication, ports=ports
        )
