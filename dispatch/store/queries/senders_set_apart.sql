SELECT DISTINCT topic, source FROM set_apart
