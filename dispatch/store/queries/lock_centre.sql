SELECT version, mode FROM centre FOR UPDATE
