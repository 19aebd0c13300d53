"""What the READMEs use of kcat, on its own library: one message from a file."""

import argparse
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer


def produce(given: argparse.Namespace) -> None:
    settings = dict(each.split("=", 1) for each in given.setting)
    refused: list[KafkaError] = []

    def told(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            refused.append(error)

    producer = Producer({"bootstrap.servers": given.brokers, **settings})
    producer.produce(
        given.topic,
        Path(given.file).read_bytes(),
        key=given.key,
        headers=[tuple(header.split("=", 1)) for header in given.header],
        on_delivery=told,
    )
    left = producer.flush(20)
    if left or refused:
        raise SystemExit(f"not delivered: {refused or 'no answer'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-P", action="store_true", required=True)
    parser.add_argument("-X", dest="setting", action="append", default=[])
    parser.add_argument("-b", dest="brokers", required=True)
    parser.add_argument("-t", dest="topic", required=True)
    parser.add_argument("-k", dest="key", required=True)
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("file")
    produce(parser.parse_args())
