SELECT identity, digest FROM inbox WHERE identity = ANY($1::text[])
