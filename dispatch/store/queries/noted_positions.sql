SELECT topic, partition, next_offset FROM positions WHERE incarnation = $1
