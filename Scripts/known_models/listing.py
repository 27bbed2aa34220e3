"""The list of models that are tried, models.txt."""
import os
from dataclasses import dataclass

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models.txt")


@dataclass(frozen=True)
class Tried:
    """One model: a network or estimator, who wrote its file, and what was done to the file."""

    model: str
    family: str
    exporter: str
    variant: str

    @property
    def name(self):
        return ".".join((self.model, self.exporter, self.variant))


def read(path=FILE):
    """All models, in the list's order. A name that is there twice is an error of the list."""
    tried = []
    with open(path) as file:
        for line in file:
            words = line.split("#")[0].split()
            if not words:
                continue
            model, family, exporters, variants = words
            tried += [Tried(model, family, e, v) for e in exporters.split(",") for v in variants.split(",")]
    names = [each.name for each in tried]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit(f"error: models.txt has {', '.join(sorted(twice))} twice")
    return tried
