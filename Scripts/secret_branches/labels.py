"""What is known of values that are followed through machine code."""


class Trouble(Exception):
    pass


# Labels: (whether it's secret, what it points to, place on the stack or None)

# What a value points to: nothing public, public memory (constants among it), public memory of pointers to public memory, or
# one or the other.
NOTHING_PUBLIC, PUBLIC_MEMORY, PUBLIC_POINTERS, UNCLEAR = range(4)
PUBLIC, SECRET = (False, NOTHING_PUBLIC, None), (True, NOTHING_PUBLIC, None)
PLACES = (("secret", SECRET), ("public", (False, PUBLIC_MEMORY, None)), ("pointers", (False, PUBLIC_POINTERS, None)))


def mixed(labels):
    """Of a value computed from others."""
    secret, regions = False, set()
    for s, r, _ in labels:
        secret = secret or s
        regions.add(r)
    regions -= {NOTHING_PUBLIC}
    return (secret, UNCLEAR if len(regions) > 1 else max(regions, default=NOTHING_PUBLIC), None)


def merged(a, b):
    """Of a value that is one or the other."""
    if a == b:
        return a
    return (a[0] or b[0], a[1] if a[1] == b[1] else UNCLEAR, a[2] if a[2] == b[2] else either(a[2], b[2]))


# A place on the stack is (frame, offset from the stack pointer at the function's beginning), or (frame, None, offset) for one of
# those from an offset on.
BELOW_ALL = -(1 << 20)


def moved(place, by):
    """A place that lies further up."""
    return place[:-1] + (place[-1] + by,)


def anywhere(place):
    """One of the places that an index leads to."""
    return (place[0], None, place[-1])


def either(a, b):
    """A place that is one or the other."""
    if a is None or b is None or a[0] != b[0]:
        return None
    # What goes down in a loop may be anywhere; so it comes to an end.
    if len(a) == 3 and b[-1] < a[-1]:
        return (a[0], None, BELOW_ALL)
    return (a[0], None, min(a[-1], b[-1]))


def put_whole(state, names, label):
    """Sets registers, and their lowest bytes."""
    for name in names:
        state.registers[name] = label
        state.registers[name + " low"] = (label[0], NOTHING_PUBLIC, None)


class State:
    """What is known before an instruction: of registers, flags and slots of the stack, eight bytes each."""

    __slots__ = ("registers", "slots")

    def __init__(self, registers=None, slots=None):
        self.registers = registers or {}
        self.slots = slots or {}

    def copy(self):
        return State(dict(self.registers), dict(self.slots))

    def merge(self, other):
        """Takes over what else may be so; whether anything changed."""
        changed = False
        for mine, theirs in ((self.registers, other.registers), (self.slots, other.slots)):
            for key, label in theirs.items():
                new = merged(mine[key], label) if key in mine else label
                if key in mine and isinstance(key, tuple) and key[1] == "from":  # of two smears, the one that begins first
                    new = min(mine[key], label, key=lambda smear: smear[2][1])
                if mine.get(key) != new:
                    mine[key] = new
                    changed = True
        return changed

    def key(self):
        return (frozenset(self.registers.items()), frozenset(self.slots.items()))
