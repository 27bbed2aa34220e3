"""4: members and clients who aren't what they are to be."""
import os
import shutil
import signal
import socket
import ssl
import time

from crypten_client import CrypTenError

from . import door
from .cell import PARTIES, Cell, faketime_library
from .claims import until
from .machines import ADDRESSES

WAIT = 25


def identities(machines, tool, claims):
    claims.begin(4, "Identities: who isn't what he is to be is refused, and told so in the right log")
    cell = Cell(machines, tool, "identities")
    clock = faketime_library() is not None
    bad = cell.path("bad")
    tool.identity("bank", os.path.join(bad, "unknown"))
    tool.identity("ward", os.path.join(bad, "unknown-ward"))
    if clock:
        cell.prints["bank"].append(tool.identity("bank", os.path.join(bad, "expired"), faketime="-400 days"))
        cell.prints["ward"].append(tool.identity("ward", os.path.join(bad, "expired-ward"), faketime="-400 days"))
    cell.write()
    try:
        cell.start()
        claims.claim("all are ready within 30 s", cell.wait_ready())
        claims.claim("answers are right", cell.answers()[0])
        knocking(machines, tool, cell, claims, bad)
        old_tls(machines, cell, claims)

        def member(title, sentences, **how):
            cell.stop("bank")
            since = cell.log_ends()
            cell.start("bank", **how)
            for name, pattern in sentences:
                line = until(lambda: cell.said(name, pattern, since[name]), WAIT, 0.2)
                claims.claim("%s: %s's log says so (%s)" % (title, name, pattern), line,
                             line[:330] if line else "its last line: " + (cell.log(name, since[name]).splitlines() or ["nothing"])[-1][:330])
            claims.claim("%s: nobody is ready" % title, all(cell.ready(name) == 503 for name in ("clinic", "court")),
                         [cell.ready(name) for name in PARTIES])
            right, code = cell.answers(key=None)
            claims.claim("%s: a client is refused by name" % title, not right and code, code)
            cell.stop("bank")
            cell.start("bank")
            start = time.monotonic()
            right, code = cell.answers(seconds=30)
            claims.claim("%s: with the right one there are answers again within 5 s" % title, right and time.monotonic() - start <= 5,
                         "%.1f s" % (time.monotonic() - start) if right else code)

        def identity(folder, name="bank"):
            return {"environment": {"CRYPTEN_IDENTITY": os.path.join(bad, folder, name + ".identity.pem")}}

        refused = r"refused the connection: "
        member("bank shows an unknown certificate",
               [("clinic", "shows a certificate that isn't known"), ("notary", "shows a certificate that isn't known"),
                ("bank", refused + "it doesn't know")], **identity("unknown"))
        os.makedirs(os.path.join(bad, "swapped"))
        shutil.copy(cell.path("clinic", "clinic.identity.pem"), os.path.join(bad, "swapped", "bank.identity.pem"))
        member("bank shows clinic's certificate", [("notary", "shows the certificate of party 0"), ("court", "shows the certificate of party 0"),
                                                   ("bank", refused + ".*is another member's")], **identity("swapped"))
        if clock:
            member("bank shows an expired certificate", [("clinic", "shows a certificate that expired on"), ("notary", "shows a certificate that expired on"),
                                                         ("bank", refused + ".*has expired by its clock")], **identity("expired"))
            member("bank's clock is a day slow", [("bank", "shows a certificate that begins on .*compare the clocks"),
                                                  ("clinic", "isn't valid yet by its clock|refused the connection")], faketime="-1d")
            fast(cell, claims)
        else:
            claims.skip("expired certificates and clocks that are off", "the package faketime isn't installed")
        clients(machines, tool, cell, claims, bad, clock)
    finally:
        claims.claim("all members end on SIGTERM", cell.stop() == [])


def epoch(machines, cell, party="clinic"):
    answer = machines.inside("ward", door.send, party, door.request("GET", "/v2/models/digits"), cell.path("ward", "ward.identity.pem"))
    return answer.json.get("parameters", {}).get("crypten_epoch")


def knocking(machines, tool, cell, claims, bad):
    """A stranger who says that he is bank, while bank is there."""
    before, since = epoch(machines, cell), cell.log_ends()
    environment = {"CRYPTEN_IDENTITY": os.path.join(bad, "unknown", "bank.identity.pem"), "CRYPTEN_STATE": cell.path("bad", "state")}
    right_one = cell.processes.pop("bank")
    cell.start("bank", environment=environment, place="annex")
    cell.processes["impostor"], cell.processes["bank"] = cell.processes["bank"], right_one
    results = []
    end = time.monotonic() + 8
    while time.monotonic() < end:
        results.append(cell.answers()[0])
        time.sleep(0.1)
    claims.claim("an impostor of bank at another machine ends nobody's work: all answers right, in one epoch",
                 all(results) and epoch(machines, cell) == before, "%d of %d" % (sum(results), len(results)))
    line = cell.said("clinic", r"%s.*isn't known|isn't known.*%s" % (ADDRESSES["annex"], ADDRESSES["annex"]), since["clinic"]) \
        or cell.said("clinic", "isn't known", since["clinic"])
    claims.claim("clinic's log says from where he knocked", line and ADDRESSES["annex"] in line, line[:300] if line else "nothing")
    lines = [line for line in cell.log("clinic", since["clinic"]).splitlines() if "isn't known" in line]
    claims.note("his knocking for 8 s made %d lines in clinic's log" % len(lines))
    cell.processes["impostor"].kill()
    cell.processes.pop("impostor").wait(timeout=10)


def old_tls(machines, cell, claims):
    for name, talk, pattern in [("TLS 1.2", tls12, "speaks no TLS 1.3"), ("no TLS", plain, "doesn't speak TLS")]:
        since = cell.log_ends()
        result = machines.inside("annex", talk, ADDRESSES["clinic"])
        line = until(lambda: cell.said("clinic", pattern, since["clinic"]), 12, 0.2)
        claims.claim("a program that speaks %s to a member's port is refused, by name in the log" % name, result != "taken" and line,
                     line[:200] if line else "%s; nothing in the log" % result)
    claims.claim("after that there are answers", cell.answers(seconds=5)[0])


def tls12(address):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
    try:
        with socket.create_connection((address, 9400), timeout=10) as plain, context.wrap_socket(plain):
            return "taken"
    except OSError as error:
        return str(error)


def plain(address):
    try:
        with socket.create_connection((address, 9400), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: clinic\r\n\r\n")
            return "refused" if connection.recv(100) == b"" else "answered"
    except OSError as error:
        return str(error)


def fast(cell, claims):
    """A day ahead: certificates are valid then, too, but tokens are not."""
    cell.stop("bank")
    cell.start("bank", faketime="+1d")
    until(lambda: cell.ready("bank") == 200, WAIT)
    right, code = cell.answers("lab")
    claims.claim("bank's clock is a day fast: tokens are refused by name there", not right and code == "unauthorized", code or "answered")
    cell.stop("bank")
    cell.start("bank")
    claims.claim("with the right clock there are answers again", cell.answers("lab", seconds=15)[0])


def clients(machines, tool, cell, claims, bad, clock):
    cases = [("an unknown certificate", os.path.join(bad, "unknown-ward", "ward.identity.pem")), ("no certificate and no token", None),
             ("a party's certificate", cell.path("clinic", "clinic.identity.pem"))]
    if clock:
        cases.append(("an expired certificate, which the file names", os.path.join(bad, "expired-ward", "ward.identity.pem")))
    for title, key in cases:
        said = [machines.inside("ward", door.send, party, door.request("GET", "/v2/models/digits"), key) for party in PARTIES]
        claims.claim("a client with %s is refused at all doors as `unauthorized`" % title,
                     all(one.status == 401 and one.code == "unauthorized" for one in said), said[0].json.get("error", said[0]))
        if key and "party" not in title:
            right, code = cell.answers(key=key)
            claims.claim("the Python client with %s raises Unauthorized" % title, not right and code == "unauthorized", code or "answered")
    revoked(machines, cell, claims)


def revoked(machines, cell, claims):
    """A client whose connections are open, and whose certificate is revoked."""
    seen = []

    def ask():
        with cell.client("ward", timeout=3, retries=0) as client:
            end = time.monotonic() + 12
            while time.monotonic() < end:
                start = time.monotonic()
                try:
                    client.infer("digits", {"x": cell.tool.x[:1]})
                    seen.append((start, "right"))
                except CrypTenError as error:
                    seen.append((start, error.code))
                    if error.code == "unauthorized" and time.monotonic() > hup[0] + 2:
                        return
                time.sleep(0.02)

    hup = [time.monotonic() + 1e6]
    wait = machines.start("ward", ask)
    until(lambda: len(seen) > 5, 10)
    cell.revoked = [cell.prints["ward"][0]]
    cell.write()
    since = cell.log_ends()
    hup[0] = time.monotonic()
    for name in cell.members:
        cell.signal(name, signal.SIGHUP)
    wait()
    last = max([start for start, kind in seen if kind == "right"], default=0) - hup[0]
    refusals = [start for start, kind in seen if kind == "unauthorized"]
    claims.claim("a client whose certificate is revoked (file, SIGHUP) is refused within 1 s, on open connections too",
                 bool(refusals) and last <= 1, "last answer %.2f s after SIGHUP, then %s" % (last, seen[-1][1]))
    said = [machines.inside("ward", door.send, party, door.request("GET", "/v2"), cell.path("ward", "ward.identity.pem")) for party in PARTIES]
    claims.claim("all doors say that it is revoked", all("revoked" in one.json.get("error", "") for one in said), said[0].json.get("error", said[0]))
    claims.claim("all members say that they read the file anew", all(cell.said(name, "was read anew", since[name]) for name in cell.members))
    claims.claim("the other client is answered", cell.answers("lab", seconds=5)[0])
