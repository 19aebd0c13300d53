SELECT incarnation, topic, partition, source, next_offset FROM counted
