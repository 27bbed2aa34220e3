"""Searches over whole numbers. Values are pairs of a cost and what it was found with."""


def least(low, high, holds):
    """Least number of low … high of which `holds` says yes, where it says so of all above, too; None if there is none."""
    if high < low or not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def minimum(low, high, value, pieces):
    """Least value on low … high, looked for on a grid that is refined around the best two points; for functions with few valleys."""
    seen = {}

    def at(x):
        if x not in seen:
            seen[x] = value(x)
        return seen[x]

    spans = [(low, high)]
    while spans:
        points = set()
        width = 1
        for a, b in spans:
            step = max((b - a) // pieces, 1)
            width = max(width, step)
            points.update(range(a, b + 1, step))
            points.add(b)
        best = sorted(points, key=lambda x: at(x)[0])[:2]
        spans = [(max(low, x - width + 1), min(high, x + width - 1)) for x in best] if width > 1 else []
    return min(seen.values(), key=lambda a: a[0])


def valley(low, high, value):
    """Least value on low … high of a function that falls, then rises: by thirds, with both sides of the end looked at."""
    seen = {}

    def at(x):
        if x not in seen:
            seen[x] = value(x)
        return seen[x]

    a, b = low, high
    while b - a > 5:
        third = (b - a) // 3
        if at(a + third)[0] < at(b - third)[0]:
            b -= third
        else:
            a += third
    return min((at(x) for x in range(a, b + 1)), key=lambda y: y[0])
