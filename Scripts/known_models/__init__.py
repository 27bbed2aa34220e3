"""Models that are tried: how each is made, run and reported. `Scripts/known-models --help` says how."""
