"""Claims, which hold or don't, and waiting that ends."""
import time


class Claims:
    """What was claimed, printed as it is found out."""

    def __init__(self):
        self.failed, self.held, self.skipped, self.number = [], 0, [], 0

    def begin(self, number, title):
        self.number = number
        print("\n%d. %s" % (number, title), flush=True)

    def claim(self, title, holds, seen=""):
        if holds:
            self.held += 1
        else:
            self.failed.append("%d. %s%s" % (self.number, title, ": " + str(seen) if seen != "" else ""))
        print("   %-6s  %s%s" % ("ok" if holds else "failed", title, "  [%s]" % seen if seen != "" else ""), flush=True)
        return bool(holds)

    def skip(self, title, reason):
        self.skipped.append("%d. %s: %s" % (self.number, title, reason))
        print("   skipped %s: %s" % (title, reason), flush=True)

    def note(self, text):
        print("           " + text, flush=True)

    def summary(self):
        print("\n%d claims hold, %d failed, %d skipped" % (self.held, len(self.failed), len(self.skipped)))
        for line in self.failed:
            print("failed:  " + line)
        for line in self.skipped:
            print("skipped: " + line)


def until(condition, seconds, pause=0.05):
    """What `condition` says, as soon as it is true, or when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)
