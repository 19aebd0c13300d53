"""What a pathogen asks for: packs of data, and the decision they lead to."""
