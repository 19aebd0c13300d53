UPDATE centre SET version = $1, mode = $2
