UPDATE centre SET mode = $1
