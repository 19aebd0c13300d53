"""What is read from Kafka, record by record, whatever is in it.

`dispatch.kafka.consumer` is the consumer; it stands on aiokafka, whose fetcher ends at the first
record that it can't decode and unpacks without limit.
"""
