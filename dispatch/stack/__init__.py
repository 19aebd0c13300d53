"""PostgreSQL and a Kafka broker on this machine, started and stopped with the process.

`dispatch.stack.embedded.running_stack` runs them, `dispatch.stack.addresses` says where they are.
"""
