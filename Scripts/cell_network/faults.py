"""3: members and links fail while clients ask."""
import os
import shutil
import signal
import time

from .cell import PARTIES, Cell, Load
from .claims import until

BACK = 5.0        # seconds until the cell answers again once a process is back
LINK_BACK = 10.0  # and once a link is, whose packets TCP sends again by a clock of its own


class Trouble:
    """One fault after the other, with clients that ask all the time."""

    def __init__(self, cell, claims):
        self.cell, self.claims = cell, claims
        self.load = Load(cell)

    def after(self, title, back, bound):
        """Claims that a question asked after `back` is answered within a bound."""
        until(lambda: self.load.first_right(back), 60, 0.02)
        first = self.load.first_right(back)
        seen = "%.2f s" % (first - back) if first else "not within 60 s; " + self.last_words()
        self.claims.claim("%s: answers again within %d s" % (title, bound), first is not None and first - back <= bound, seen)
        time.sleep(1.5)

    def last_words(self):
        return "; ".join("%s says: %s" % (name, (self.cell.log(name).splitlines() or [""])[-1][:200]) for name in self.cell.members)


def faults(machines, tool, claims):
    claims.begin(3, "Members and links fail while clients ask")
    cell = Cell(machines, tool, "faults")
    try:
        cell.start()
        claims.claim("all are ready within 30 s", cell.wait_ready())
        trouble = Trouble(cell, claims)
        claims.claim("six clients are answered", until(lambda: trouble.load.count().get("right", 0) > 20, 20))
        kill(trouble)
        links(machines, trouble)
        half_open(machines, trouble)
        stopped(trouble)
        codes = trouble.load.stop()
        claims.claim("no answer was wrong", codes.get("WRONG", 0) == 0)
        claims.claim("every refusal had a name", codes.get("UNNAMED", 0) == 0)
        claims.note("what clients heard: " + ", ".join("%s %d" % pair for pair in sorted(codes.items())))
        moved(machines, cell, claims)
    finally:
        claims.claim("all members end on SIGTERM", cell.stop() == [])


def kill(trouble):
    for name in trouble.cell.members * 2:
        trouble.cell.kill(name)
        time.sleep(1)
        trouble.cell.start(name)
        trouble.after("%s is killed, and back after 1 s" % name, time.monotonic(), BACK)


def links(machines, trouble):
    for name, seconds in [("clinic", 3), ("notary", 3), ("bank", 20), ("notary", 20)]:
        begin = time.monotonic()
        machines.cut(name, True)
        try:
            time.sleep(seconds)
        finally:
            machines.cut(name, False)
        trouble.after("%s's link is cut for %d s" % (name, seconds), time.monotonic(), LINK_BACK)
        trouble.claims.note("without an answer %.1f s in all" % trouble.load.longest_gap(begin))


def half_open(machines, trouble):
    for deaf, to in [("clinic", "notary"), ("bank", "clinic"), ("clinic", "court")]:
        begin = time.monotonic()
        machines.deafen(deaf, to, True)
        try:
            time.sleep(15)
        finally:
            machines.deafen(deaf, to, False)
        trouble.after("for 15 s nothing comes to %s from %s, though the other way all arrives" % (deaf, to), time.monotonic(), LINK_BACK)
        trouble.claims.note("without an answer %.1f s in all" % trouble.load.longest_gap(begin))


def stopped(trouble):
    for name in ["clinic", "bank", "notary"]:
        trouble.cell.signal(name, signal.SIGSTOP)
        try:
            time.sleep(15)
        finally:
            trouble.cell.signal(name, signal.SIGCONT)
        trouble.after("%s stands still for 15 s" % name, time.monotonic(), BACK)


def moved(machines, cell, claims):
    def answered(title, seconds):
        start = time.monotonic()
        right, code = cell.answers(seconds=seconds)
        claims.claim(title, right, "%.1f s" % (time.monotonic() - start) if right else "last refusal: %s" % code)

    # As the page says: the new place under another name and with another key, restart, and take the old one out.
    cell.dealers = ["notary", "notary-2"]
    cell.write()
    cell.stop()
    cell.start()
    answered("a second dealer, notary-2, is named at another machine, and all started anew: answers within 15 s", 15)
    cell.kill("notary")
    answered("the first dealer is killed: the second takes over within 20 s", 20)
    cell.dealers = ["notary-2"]
    cell.write()
    cell.stop()
    cell.start()
    answered("the first dealer is taken out of the file, and all started anew: answers within 10 s", 10)
    # The same dealer, with its key, at another address.
    cell.stop()
    cell.dealers = ["notary"]
    cell.places["notary"], cell.addresses["notary"] = "annex", cell.addresses["notary-2"]
    cell.write()
    cell.start()
    answered("a dealer moves with its key to another address, which all files say, and all are started anew: answers within 10 s", 10)
    # And back, while parties run and read the file anew.
    cell.stop("notary")
    cell.places["notary"], cell.addresses["notary"] = "notary", "10.77.0.20"
    cell.write()
    for party in PARTIES:
        cell.signal(party, signal.SIGHUP)
    time.sleep(0.5)
    cell.start("notary")
    right, code = cell.answers(seconds=60)
    claims.note("with SIGHUP in the place of a new start (the page asks for the latter): %s" % ("answers, too" if right else "no answers: %s" % code))
