"""What the READMEs use of kcat, on aiokafka: one message from a file, with a key and headers."""

import argparse
import asyncio
from pathlib import Path

from aiokafka import AIOKafkaProducer


async def produce(given: argparse.Namespace) -> None:
    headers = [tuple(header.split("=", 1)) for header in given.header]
    producer = AIOKafkaProducer(bootstrap_servers=given.brokers, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(
            given.topic,
            Path(given.file).read_bytes(),
            key=given.key.encode(),
            headers=[(name, value.encode()) for name, value in headers],
        )
    finally:
        await producer.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-P", action="store_true", required=True)
    parser.add_argument("-b", dest="brokers", required=True)
    parser.add_argument("-t", dest="topic", required=True)
    parser.add_argument("-k", dest="key", required=True)
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("file")
    asyncio.run(produce(parser.parse_args()))
