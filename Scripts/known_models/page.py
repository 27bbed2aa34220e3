"""Tables from results: what is printed, and what stands in the documentation between two marks."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "Sources", "CrypTen", "Documentation.docc", "KnownModels.md")
BEGIN, END = "<!-- known-models: begin -->", "<!-- known-models: end -->"
HEADINGS = {
    "classical": "### scikit-learn, XGBoost, LightGBM, CatBoost",
    "vision": "### torchvision",
    "transformer": "### Transformers",
}
ORDER = ("secret", "words", "public")
CLOSE = "as near as its roundings leave it"


def main_result(entry):
    """The way that counts: the strictest that came out right, else the strictest."""
    ways = [way for way in ORDER if way in entry["ways"]]
    right = [way for way in ways if entry["ways"][way]["verdict"] == "right"]
    way = (right or ways)[0]
    return way, entry["ways"][way]


def verdict(entry):
    """One word for a model: right, right with public words alone, or what went wrong."""
    if "ways" not in entry:
        return "not exported"
    wrong = [r for r in entry["ways"].values() if r["verdict"] in ("wrong", "crash", "no answer")]
    if wrong:
        return wrong[0]["verdict"]
    way, result = main_result(entry)
    if "loose" in result:
        return CLOSE
    if "fraction_bits" in result:
        return f"right with {result['fraction_bits']} bits"
    return "public words only" if result["verdict"] == "right" and way == "public" else result["verdict"]


def said(entry):
    if "ways" not in entry:
        return entry["said"]
    ways = entry["ways"]
    if verdict(entry) == CLOSE:
        return main_result(entry)[1]["loose"]
    # Of several sentences that of the way whose verdict it is.
    said = [result for way in ORDER if (result := ways.get(way)) and "said" in result]
    own = [result["said"] for result in said if result["verdict"] == verdict(entry)]
    return (own or [result["said"] for result in said] or [""])[0]


def size(number):
    return "%.3g" % number if number < 1000 else "%.0f" % number


def megabytes(result):
    return size(max(result["bytes"]) / 1e6)


def error(result):
    return "%.1e" % result["error"] if result["error"] else "0"


def main_result_is_right(entry):
    return verdict(entry) in ("public words only", CLOSE) or verdict(entry).startswith("right")


def counts(entries):
    """How many of each verdict."""
    table = {}
    for entry in entries:
        table[verdict(entry)] = table.get(verdict(entry), 0) + 1
    return table


def summary(entries):
    parts = counts(entries)
    made = sum(parts.values()) - parts.get("not exported", 0)
    words = [f"{parts[key]} {key}" for key in parts if key not in ("right", "not exported")]
    text = f"{parts.get('right', 0)} of {made} right" + (", " + ", ".join(words) if words else "")
    return text + (f"; {parts['not exported']} that their exporter doesn't write" if "not exported" in parts else "")


def table(headings, rows, numbers):
    line = lambda cells: "| " + " | ".join(cells) + " |"
    return [line(headings), line(["---:" if h in numbers else "---" for h in headings]), *map(line, rows)]


def classical_rows(entries):
    for entry in entries:
        if verdict(entry) != "right":
            continue
        result = main_result(entry)[1]
        labels = "–" if result.get("labels_differ") is None else str(result["labels_differ"])
        title = entry["model"] + ("" if entry["variant"] == "plain" else f", {entry['variant']}")
        yield [title, entry["exporter"], str(result["rows"]), labels, error(result), str(result["rounds"]), megabytes(result), size(result["seconds"])]


def network_rows(entries):
    """One line for each network and exporter, in the order of the list; the variants' errors behind it."""
    groups = {}
    for entry in entries:
        groups.setdefault((entry["model"], entry["exporter"]), []).append(entry)
    for (model, exporter), group in groups.items():
        good = {e["variant"]: main_result(e) for e in group if main_result_is_right(e)}
        if not good:
            continue
        first = "plain" if "plain" in good else next(iter(good))
        way, result = good[first]
        others = [f"{variant} {error(other)}" for variant, (_, other) in good.items() if variant != first]
        title = model + ("" if first == "plain" else f", {first}") + (f" ({result['fraction_bits']} bits)" if "fraction_bits" in result else "")
        yield [title, exporter, {"secret": "", "words": "words", "public": "none"}[way], error(result), str(result["rounds"]), megabytes(result), size(result["seconds"]), ", ".join(others)]


def left(entries):
    """What isn't run, and why: one line for each sentence."""
    reasons = {}
    for entry in entries:
        if verdict(entry) == "right":
            continue
        reasons.setdefault((verdict(entry), shortened(said(entry))), []).append(entry)
    for (kind, reason), group in sorted(reasons.items(), key=lambda pair: (pair[0][0], -len(pair[1]))):
        names = {}
        for entry in group:
            names.setdefault((entry["model"], entry["exporter"]), []).append(entry["variant"])
        listed = "; ".join(f"{m}, {e}: {', '.join(v)}" for (m, e), v in names.items())
        yield f"- *{kind}*: {reason} ({listed})"


def shortened(text, length=240):
    text = " ".join(text.replace("|", "/").replace("`", "'").split())
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"


def markdown(entries):
    lines = []
    for family, heading in HEADINGS.items():
        of_family = [e for e in entries if e["family"] == family]
        if not of_family:
            continue
        lines += [heading, "", summary(of_family) + ".", ""]
        if family == "classical":
            headings = ["model", "exporter", "rows", "labels that differ", "largest error", "rounds", "MB", "seconds"]
            rows = list(classical_rows(of_family))
            numbers = set(headings[2:])
        else:
            headings = ["network", "exporter", "secret", "error", "rounds", "MB", "seconds", "variants, error"]
            rows = list(network_rows(of_family))
            numbers = {"error", "rounds", "MB", "seconds"}
            if all(not row[2] for row in rows):
                headings, rows = headings[:2] + headings[3:], [row[:2] + row[3:] for row in rows]
            else:
                rows = [row[:2] + [row[2] or "all"] + row[3:] for row in rows]
        if rows:
            lines += table(headings, rows, numbers) + [""]
        rest = list(left(of_family))
        if rest:
            lines += ["What isn't right with the defaults, or isn't run, and why:", "", *rest, ""]
    return "\n".join(lines)


def write(entries, path=PAGE):
    """Puts the tables between the marks of the page."""
    with open(path) as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"error: {path} has no place for the tables: {BEGIN} … {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n\n{markdown(entries)}\n{END}{after}")
