"""The real end of a partition, which the embedded broker does not tell when asked."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from dispatch.cluster import ensure_topics
from dispatch.log_end import end_of_log
from dispatch.stack.embedded import Stack

RECORDS = 4


async def test_the_end_counts_every_record_of_the_last_batch(
    stack: Stack, topic_prefix: str
) -> None:
    options = {"bootstrap_servers": stack.bootstrap}
    tp = TopicPartition(topic_prefix + "end", 0)
    copies = stack.broker.replication
    await ensure_topics(options, [tp.topic], partitions=1, replication=copies)
    # What is acknowledged by all is within what a consumer is told of.
    producer = AIOKafkaProducer(**options, acks="all")
    consumer = AIOKafkaConsumer(**options, enable_auto_commit=False)
    await producer.start()
    await consumer.start()
    try:
        batch = producer.create_batch()
        for _ in range(RECORDS):
            batch.append(key=None, value=b"x", timestamp=None)
        await (await producer.send_batch(batch, tp.topic, partition=0))
        consumer.assign([tp])
        told = (await consumer.end_offsets([tp]))[tp]
        assert await end_of_log(consumer, tp, told) == RECORDS
        assert await end_of_log(consumer, tp, RECORDS) == RECORDS
    finally:
        await producer.stop()
        await consumer.stop()
