"""The topics on a Kafka cluster: what the delivery promise needs of them, and whether it is so.

`dispatch.topic_admin.promise` compares, `dispatch.topic_admin.cluster` looks, creates and alters.
"""
