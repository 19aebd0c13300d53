-- What became of every input.
SELECT identity, outcome FROM inbox
