"""PostgreSQL and a Kafka broker on this machine, started and stopped with the process."""
