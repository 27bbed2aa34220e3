"""5: what comes to a door that no client sends."""
import json
import os
import re
import selectors
import signal
import socket
import ssl
import subprocess
import threading
import time

from . import door
from .cell import PARTIES, Cell
from .claims import until
from .machines import ADDRESSES

ARRIVAL, WAITING = 5, 6
CONNECTIONS = 10_000
# What an answer to a stranger has no business to say: files, addresses in memory, versions, parts of the program.
INDISCREET = re.compile(r"\.swift\b|\.cpp\b|/home/|/usr/|/root|/opt/|/tmp/|/var/|/etc/|Fatal|Swift|\bNIO|Hummingbird|BoringSSL|OpenSSL|0x[0-9a-f]{6}|\d+\.\d+\.\d+", re.I)


def at_the_door(machines, tool, claims):
    claims.begin(5, "The door")
    cell = Cell(machines, tool, "door", limits="{arrival: %ds, waiting: %ds}" % (ARRIVAL, WAITING))
    try:
        cell.start()
        claims.claim("all are ready within 30 s", cell.wait_ready())
        claims.claim("answers are right", cell.answers()[0])
        here = Door(machines, cell, claims)
        for part in (here.tls, here.headers, here.strange, here.ids, here.slow, here.silent, here.few_descriptors, here.refused_and_still_there):
            part()
            if not claims.claim("after `%s` all members run, and answers are right" % part.__name__,
                                all(cell.is_up(name) for name in cell.members) and cell.answers(seconds=5)[0],
                                [name for name in cell.members if not cell.is_up(name)] or ""):
                cell.start(*[name for name in cell.members if not cell.is_up(name)])
                cell.wait_ready()
    finally:
        claims.claim("all members end on SIGTERM", cell.stop() == [])


class Door:
    def __init__(self, machines, cell, claims):
        self.machines, self.cell, self.claims = machines, cell, claims
        self.ward = cell.path("ward", "ward.identity.pem")

    def ask(self, body, *arguments, client="ward"):
        return self.machines.inside(client, body, *arguments)

    def metadata(self, party="clinic"):
        return self.ask(door.send, party, door.request("GET", "/v2/models/digits"), self.ward).json

    def epoch(self):
        return self.metadata().get("parameters", {}).get("crypten_epoch", "0" * 32)

    # MARK: TLS

    def openssl(self, *words, say="Q\n", party="clinic"):
        done = self.machines.command("ward", ["openssl", "s_client", "-connect", "%s:%d" % (ADDRESSES[party], door.PORT), *words], input=say.encode(), timeout=30)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def tls(self):
        for version, name in [("-tls1", "1.0"), ("-tls1_1", "1.1"), ("-tls1_2", "1.2")]:
            # At level 0 the client offers all that it can: it is the door that refuses.
            code, text = self.openssl(version, "-cipher", "ALL:@SECLEVEL=0")
            self.claims.claim("TLS %s is refused" % name, code != 0 and "alert protocol version" in text,
                              "alert protocol version" if "alert protocol version" in text else text[-300:])
        code, text = self.openssl()
        self.claims.claim("TLS 1.3 is spoken, and nothing is compressed", "TLSv1.3" in text and "Compression: NONE" in text)
        code, text = self.openssl(say="R\nQ\n")
        self.claims.claim("there is no renegotiation", "RENEGOTIATING" not in text or "wrong ssl version" in text or "error" in text.lower())
        taken = []
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
            if "Cipher is " + suite in self.openssl("-tls1_3", "-ciphersuites", suite)[1]:
                taken.append(suite)
        self.claims.claim("ciphers are those of TLS 1.3 that have full tags", taken and not any("CCM" in suite for suite in taken), ", ".join(taken))
        groups = [group for group in ("X25519", "P-256", "P-384", "P-521", "X448", "ffdhe2048")
                  if "Cipher is TLS" in self.openssl("-groups", group)[1]]
        self.claims.note("groups that OpenSSL here can offer and the door takes: " + ", ".join(groups))
        code, text = self.openssl("-alpn", "h2")
        self.claims.claim("no HTTP/2 is agreed upon", "ALPN protocol: h2" not in text)
        code, text = self.openssl("-sess_out", self.cell.path("session"), say="GET /v2/health/live HTTP/1.1\r\nHost: door\r\nConnection: close\r\n\r\n")
        self.claims.note("session tickets are %s" % ("given" if "Post-Handshake New Session Ticket" in text else "not given, as far as is seen"))
        answer = self.ask(self.talk_plainly)
        self.claims.claim("who speaks HTTP without TLS gets nothing", answer in (b"", None), answer)

    def talk_plainly(self):
        with socket.create_connection((ADDRESSES["clinic"], door.PORT), timeout=20) as connection:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: door\r\n\r\n")
                data = connection.recv(1000)
                return None if data[:1] == b"\x15" else data  # an alert is TLS
            except ConnectionError:
                return None

    # MARK: Headers

    def headers(self):
        for title, path, identity in [("a refusal", "/v2", None), ("an answer", "/v2/models/digits", self.ward), ("nothing found", "/nowhere", self.ward),
                                      ("health", "/v2/health/live", None)]:
            answer = self.ask(door.send, "clinic", door.request("GET", path), identity)
            wanted = {"cache-control": "no-store", "x-content-type-options": "nosniff", "strict-transport-security": "max-age="}
            missing = [name for name, value in wanted.items() if value not in answer.headers.get(name, "")]
            self.claims.claim("%s (%s) has no-store, nosniff and strict transport security" % (title, path), not missing, "missing: " + ", ".join(missing) if missing else "")
            self.claims.claim("%s names its server 'crypten', or not at all" % title, answer.headers.get("server", "crypten") == "crypten", answer.headers.get("server", ""))
        huge = [("one header of 100 kB", ["X-Much: " + "a" * 100_000]), ("2,000 headers", ["X-%d: a" % i for i in range(2000)]),
                ("a token of 60 kB", ["Authorization: Bearer " + "a" * 60_000])]
        for title, extra in huge:
            self.refused(title, door.request("GET", "/v2", b"", extra))
        self.refused("a path of 100 kB", door.request("GET", "/" + "a" * 100_000))

    # MARK: Strange requests

    def refused(self, title, data, codes=None, party="clinic", method="GET", timeout=20):
        answer = self.ask(door.send, party, data, self.ward, timeout, method)
        sentence = answer.json.get("error", "")
        text = " ".join("%s: %s" % pair for pair in answer.headers.items() if pair[0] != "date") + " " + answer.body.decode(errors="replace")
        told = INDISCREET.search(text)
        # What can't be read as HTTP gets a bare 400: TheDoor says so.
        bare = answer.status == 400 and not answer.body
        good = 400 <= answer.status < 500 and (method == "HEAD" or bare or (sentence and answer.code)) and not told and (not codes or bare or answer.code in codes)
        seen = ("says '%s': %s" % (told.group(0), text[:200])) if told else "%s%s %s" % (
            answer.status or "closed", " " + answer.code if answer.code else "", sentence[:90] or answer.body[:90].decode(errors="replace"))
        return self.claims.claim("%s: a 4xx with a sentence that tells nothing" % title, good, seen)

    def strange(self):
        for path in ("/", "/v2/..", "/v2/../../etc/passwd", "/etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v2/models/..%2f..%2fetc/infer", "/v2/models/%00", "/v2/models/",
                     "/v2/models/nobody", "/v2/models/digits/versions/0/infer", "/metrics", "/ready", "/v2/models/<script>alert(1)</script>", "*",
                     "/v2/models/" + "%ff" * 40):
            self.refused("GET " + path[:40], door.request("GET", path), ["not_found", "forbidden", "malformed"])
        for method in ("TRACE", "CONNECT", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "BREW"):
            target = "example.org:443" if method == "CONNECT" else "/v2/models/digits/infer"
            self.refused("%s %s" % (method, target), door.request(method, target), method=method)
        infer = "/v2/models/digits/infer"
        epoch = self.epoch()

        def post(body, *headers):
            return door.request("POST", infer, body, headers)

        def raw(*lines, body=b""):
            return "\r\n".join(["POST %s HTTP/1.1" % infer, "Host: door", *lines, "", ""]).encode() + body

        good = json.loads(door.part(0, os.urandom(16).hex(), epoch))
        words = json.loads(door.part(2, os.urandom(16).hex(), epoch))

        def changed(base, **changes):
            return json.dumps({**base, "id": os.urandom(16).hex(), **changes}).encode()

        def tensor(**changes):
            return [{**good["inputs"][0], **changes}]

        self.refused("Content-Length of 10^15", raw("Content-Length: 1000000000000000"), ["too_large"])
        self.refused("Content-Length of 10^30", raw("Content-Length: 1" + "0" * 30))
        self.refused("Content-Length of -1", raw("Content-Length: -1"))
        self.refused("two lengths that differ", raw("Content-Length: 5", "Content-Length: 6", body=b"{}   "))
        self.refused("a length and chunks", raw("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"))
        self.refused("chunks of no number", raw("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"))
        self.refused("a chunk of 2^64 bytes", raw("Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\n{}"))
        self.endless(raw("Transfer-Encoding: chunked"))
        self.refused("no HTTP at all", b"hello, is there anybody?\r\n\r\n")
        self.refused("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: door\r\n\r\n")
        self.refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.refused("a header with a line break of its own", b"GET /v2/nothing HTTP/1.1\r\nHost: door\r\nX-A: a\x00b\r\n\r\n")
        bodies = [
            ("no body", b""), ("no JSON", b"{"), ("JSON that is no object", b"[1, 2]"), ("bytes that are no text", bytes(range(128, 256))),
            ("NaN", post_nan(words)), ("1e400", post_nan(words, b"1e400")), ("a word of 2^64", post_nan(words, b"18446744073709551616")),
            ("a word of -1", post_nan(words, b"-1")), ("a word of 0.5", post_nan(words, b"0.5")), ("a text for a word", post_nan(words, b'"1"')),
            ("lists in lists, 100,000 deep", b"[" * 100_000), ("objects in objects, 50,000 deep", b'{"a":' * 50_000),
            ("a plain input", json.dumps({"inputs": [{"name": "x", "shape": [1, 1, 8, 8], "datatype": "FP32", "data": [0.5] * 64}]}).encode()),
            ("no id", changed(good, id=None)), ("a short id", json.dumps({**good, "id": "12"}).encode()),
            ("a shape of minus one row", changed(good, inputs=tensor(shape=[-1, 1, 8, 8]))), ("a shape of no row", changed(good, inputs=tensor(shape=[0, 1, 8, 8]))),
            ("a shape whose product overflows", changed(good, inputs=tensor(shape=[1 << 40, 1 << 40, 8, 8]))),
            ("a shape of 10^30", changed(good, inputs=tensor(shape=[10 ** 30, 1, 8, 8]))),
            ("a shape of 1,000 axes", changed(good, inputs=tensor(shape=[1] * 1000))), ("33 rows", changed(good, inputs=tensor(shape=[33, 1, 8, 8]))),
            ("another input", changed(good, inputs=tensor(name="y"))), ("one input twice", changed(good, inputs=good["inputs"] * 2)),
            ("another datatype", changed(good, inputs=tensor(datatype="FP64"))), ("an output that isn't there", changed(good, outputs=[{"name": "weights"}])),
            ("another version of sharing", changed(good, parameters={**good["parameters"], "crypten_sharing": 99})),
            ("words at a party that gets a seed", changed(words)),
        ]
        for title, body in bodies:
            self.refused(title, post(body))
        self.refused("a seed at the party that gets words", post(changed(good)), party="court")
        self.refused("too few words", post(changed(words, inputs=[{**words["inputs"][0], "data": [0] * 63}])), party="court")
        self.refused("NaN at the party that gets words", post(post_nan(words)), party="court")
        self.refused("the length of the JSON beyond the body", post(changed(words), "Inference-Header-Content-Length: 1000000"), party="court")
        self.refused("a negative length of the JSON", post(changed(words), "Inference-Header-Content-Length: -5"), party="court")
        self.refused("17 MiB", post(b" " * (17 << 20)), ["too_large"])

    def endless(self, head):
        """Chunks for as long as they are taken."""
        def pour():
            connection = door.dial("clinic", self.ward, timeout=30)
            start, sent = time.monotonic(), 0
            connection.sendall(head)
            try:
                while time.monotonic() - start < 25:
                    connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                    sent += 65536
                return sent, door.reply(connection, "POST", start), False
            except OSError:
                pass
            answer = door.reply(connection, "POST", start)
            connection.close()
            return sent, answer, True

        sent, answer, isCut = self.ask(pour)
        self.claims.claim("chunks without end: the connection is cut within 25 s", isCut, "%.1f MiB were taken in %.1f s" % (sent / (1 << 20), answer.seconds))
        if not isCut:
            self.claims.claim("chunks without end: a 4xx with a sentence", answer.code in ("too_large", "too_slow"), answer)

    # MARK: Parts that don't belong together

    def parts(self, identifier, epoch, parties=PARTIES, who=None, **changes):
        """Sends parts to parties at once."""
        waits = {}
        for party in parties:
            body = door.part(PARTIES.index(party), identifier, epoch, **changes.get(party, {}))
            identity, headers = self.ward, []
            if who and who.get(party) == "lab":
                identity, headers = None, ["Authorization: Bearer " + self.cell.token(party)]
            waits[party] = self.machines.start("ward", door.infer, party, body, identity, headers)
        return {party: wait() for party, wait in waits.items()}

    def all_say(self, title, answers, code, status, within=None):
        good = all(one.code == code and one.status == status for one in answers.values())
        late = max(one.seconds for one in answers.values())
        self.claims.claim(title, good and (within is None or late <= within),
                          ", ".join("%s: %s" % pair for pair in answers.items()) + (" after %.1f s" % late if within else ""))

    def ids(self):
        def fresh():
            return os.urandom(16).hex()

        epoch = self.epoch()
        first = fresh()
        answers = self.parts(first, epoch)
        self.claims.claim("parts at all parties: an answer, with one tag", all(one.status == 200 for one in answers.values())
                          and len({json.dumps(one.json["parameters"]) for one in answers.values()}) == 1, answers)
        wanted = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
        self.claims.claim("it may not be stored", all(one.headers.get(name) == value for one in answers.values() for name, value in wanted.items()))
        for some in (["clinic", "bank"], ["clinic", "court"], ["bank", "court"]):
            self.all_say("parts at %s alone: `incomplete` there within %d s" % (" and ".join(some), WAITING), self.parts(fresh(), epoch, some), "incomplete", 504, WAITING + 1)
        self.all_say("the same id again: `duplicate`", self.parts(first, epoch), "duplicate", 409, 2)
        twice = fresh()
        waiting = self.machines.start("ward", door.infer, "clinic", door.part(0, twice, epoch), self.ward)
        time.sleep(0.5)
        again = self.ask(door.infer, "clinic", door.part(0, twice, epoch), self.ward)
        self.claims.claim("the same id while the first waits: `duplicate`, and the first is still there", again.code == "duplicate" and waiting().code == "incomplete", again)
        rest = self.parts(twice, epoch, ["bank", "court"])
        self.claims.claim("the parts of an id that one party has given up get no answer", all(one.code in ("incomplete", "duplicate") for one in rest.values()), rest)
        self.all_say("an id of an epoch that never was: `epoch`", self.parts(fresh(), fresh()), "epoch", 409, 2)
        for odd in PARTIES:
            answers = self.parts(fresh(), epoch, **{odd: {"rows": 2}})
            self.all_say("two rows at %s, one at the others: `mismatch` at all" % odd, answers, "mismatch", 409)
        late = fresh()
        early = [self.machines.start("ward", door.infer, party, door.part(PARTIES.index(party), late, epoch, rows), self.ward) for party, rows in [("clinic", 2), ("bank", 1)]]
        time.sleep(1)
        answers = {"court": self.ask(door.infer, "court", door.part(2, late, epoch), self.ward), "clinic": early[0](), "bank": early[1]()}
        self.all_say("two rows at clinic, and court's part a second later: `mismatch` at all", answers, "mismatch", 409)
        for thief in PARTIES:
            answers = self.parts(fresh(), epoch, who={thief: "lab"})
            self.all_say("another client has sent %s's part: `incomplete` at all, and no answer to either" % thief, answers, "incomplete", 504, WAITING + 1)
        # The same id of two clients is two requests.
        shared = fresh()
        mine = self.machines.start("ward", self.parts, shared, epoch)
        answers = {**{"ward's " + k: v for k, v in mine().items()},
                   **{"lab's " + k: v for k, v in self.parts(shared, epoch, who={party: "lab" for party in PARTIES}).items()}}
        self.claims.claim("two clients with one id are answered apart", all(one.status == 200 for one in answers.values())
                          and len({one.json.get("outputs", [{}])[0].get("data", [0])[0] for one in answers.values()}) == 6, answers)
        stranger = self.ask(door.infer, "clinic", door.part(0, fresh(), epoch), None, ["Authorization: Bearer " + self.cell.token("bank")])
        self.claims.claim("bank's token at clinic: `unauthorized`", stranger.code == "unauthorized", stranger)
        self.cell.kill("notary")
        self.cell.start("notary")
        until(lambda: self.epoch() not in (epoch, "0" * 32), 20, 0.2)
        self.all_say("after a new session the former epoch's ids: `epoch`", self.parts(fresh(), epoch), "epoch", 409, 2)
        self.cell.answers(seconds=10)

    # MARK: Slow and silent ones

    def slow(self):
        head = ("POST /v2/models/digits/infer HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n")

        def drip(start, rest, identity=self.ward):
            """Sends `start` at once and the rest a byte a second: when the door says something, when it hangs up, and what it has said."""
            connection = door.dial("clinic", identity, timeout=1)
            begin, told, data = time.monotonic(), None, b""
            try:
                connection.sendall(start)
                for byte in rest[:40]:
                    connection.sendall(bytes([byte]))
                    second = time.monotonic() + 1
                    while time.monotonic() < second:
                        connection.settimeout(max(0.01, second - time.monotonic()))
                        try:
                            more = connection.recv(4000)
                        except (TimeoutError, ssl.SSLWantReadError):
                            continue
                        if not more:
                            return told, time.monotonic() - begin, data
                        told, data = told or time.monotonic() - begin, data + more
            except OSError:
                return told, time.monotonic() - begin, data
            finally:
                connection.close()
            return told, None, data

        body = b'{"id": "' + b"0" * 100
        cases = [("headers", b"", head.encode()), ("headers, begun well", head.encode(), b"X-Slow: " + b"a" * 100),
                 ("a body", (head + "Content-Length: 500\r\n\r\n").encode(), body), ("chunks", (head + "Transfer-Encoding: chunked\r\n\r\n").encode(), b"1\r\n \r\n" * 20)]
        waits = [(title, self.machines.start("lab", drip, start, rest)) for title, start, rest in cases]
        waits.append(("a handshake", self.machines.start("lab", self.drip_handshake)))
        # Who was answered already, and goes on: by what he has sent he may hold a connection no longer than others.
        begun = (head + "Content-Length: 500\r\n\r\n").encode()
        waits.append(("a stranger's body, after the refusal", self.machines.start("lab", drip, begun, body, None)))
        waits.append(("a body beyond what may be sent, after the refusal", self.machines.start("lab", drip, (head + "Content-Length: 50000000\r\n\r\n").encode(), body)))
        waits.append(("a chunk of no number, and then nothing", self.machines.start("lab", drip, (head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").encode(), b"\r" * 40)))
        answered = []
        while len(answered) < 20:
            answered.append(self.cell.answers()[0])
        self.claims.claim("while %d clients send a byte a second others are answered" % len(waits), all(answered), "%d of %d" % (sum(answered), len(answered)))
        for title, wait in waits:
            told, ended, data = wait()
            if title in ("a body", "chunks"):
                self.claims.claim("%s, a byte a second: it is told `too_slow` %d to %d s after its beginning" % (title, ARRIVAL - 1, ARRIVAL + 2),
                                  told and ARRIVAL - 1 <= told <= ARRIVAL + 2 and b"408" in data and b"too_slow" in data, "%s: %s" % (told and "%.1f s" % told, data[-90:]))
            self.claims.claim("%s, a byte a second: cut off within %d s of its beginning" % (title, ARRIVAL + 3), ended is not None and ended <= ARRIVAL + 3,
                              "%.1f s" % ended if ended is not None else "never, in 40 s")

    def drip_handshake(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = door.context().wrap_bio(incoming, outgoing)
        try:
            session.do_handshake()
        except ssl.SSLWantReadError:
            pass
        begin = time.monotonic()
        with socket.create_connection((ADDRESSES["clinic"], door.PORT), timeout=1) as connection:
            for byte in outgoing.read()[:40]:
                try:
                    connection.sendall(bytes([byte]))
                    if connection.recv(100) is not None:
                        return None, time.monotonic() - begin, b""
                except TimeoutError:
                    continue
                except OSError:
                    return None, time.monotonic() - begin, b""
        return None, None, b""

    def silent(self):
        """Many connections that say nothing, twice."""
        after = []
        for turn in ("", ", once more"):
            self.crowded(CONNECTIONS, turn)
            after.append(self.cell.memory("clinic"))
        # The heap may give back what is free by a clock of its own.
        until(lambda: self.cell.memory("clinic") <= 1.05 * after[0], 75, 1)
        after.append(self.cell.memory("clinic"))
        self.claims.claim("the second crowd leaves no more in clinic's memory than the first did", after[2] <= 1.05 * after[0],
                          "%.1f MiB after the first, %.1f after the second, %.1f some time later" % tuple(after))

    def few_descriptors(self):
        """A party that may open 1,024 files, as many systems have it, and three times as many connections."""
        self.cell.stop("clinic")
        self.cell.start("clinic", files=1024)
        self.cell.wait_ready()
        self.cell.answers(seconds=5)
        epoch = self.epoch()
        self.crowded(3000, ", at a party that may open 1,024 files", bears=False)
        right, code = self.cell.answers(seconds=15)
        self.claims.claim("after them the door takes new connections within 15 s", right, code)
        self.claims.claim("and the session is the same", self.epoch() == epoch)

    def refused_and_still_there(self):
        """As many strangers as the door takes connections: each is refused at once, and goes on sending what nobody reads."""
        limits, most = self.cell.limits, 50
        self.cell.limits = limits[:-1] + ", connections: %d}" % most
        self.cell.write()
        self.cell.stop("clinic")
        self.cell.start("clinic")
        self.cell.answers(seconds=20)

        def hold():
            held, end = [], time.monotonic() + ARRIVAL + 5
            try:
                for _ in range(most):
                    try:
                        connection = door.dial("clinic", timeout=2)
                        held.append(connection)
                        connection.sendall(b"POST /v2/models/digits/infer HTTP/1.1\r\nHost: door\r\nContent-Length: 100000\r\n\r\n")
                    except OSError:
                        break
                while time.monotonic() < end:
                    for connection in list(held):
                        try:
                            connection.sendall(b" ")
                        except OSError:
                            held.remove(connection)
                    time.sleep(1)
                return len(held), self.cell.answers(timeout=5)
            finally:
                for connection in held:
                    connection.close()

        left, (right, code) = self.machines.start("lab", hold)(timeout=120)
        self.claims.claim("%d strangers who were refused don't keep others out of a door of %d connections, %d s later" % (most, most, ARRIVAL + 5), right,
                          "%d are still there%s" % (left, "" if right else ", and a client hears " + code))
        self.cell.limits = limits
        self.cell.write()
        self.cell.stop("clinic")
        self.cell.start("clinic")

    def crowded(self, most, turn, bears=True):
        before, memory = self.cell.descriptors("clinic"), self.cell.memory("clinic")
        ended, results = threading.Event(), []

        def others():
            while not ended.is_set():
                start = time.monotonic()
                right, code = self.cell.answers(timeout=5)
                results.append((right, code, time.monotonic() - start))

        asking = threading.Thread(target=others, daemon=True)
        asking.start()
        try:
            connected, held, closed, freed = self.machines.start("lab", self.crowd, most)(timeout=180)
        finally:
            ended.set()
            asking.join(timeout=30)
        wrong = [code for right, code, _ in results if not right]
        seen = "%d of %d%s; the longest took %.2f s" % (len(results) - len(wrong), len(results), " (%s)" % ", ".join(sorted(set(wrong))) if wrong else "",
                                                       max([s for _, _, s in results], default=0))
        self.claims.note("%d connections that say nothing%s: %d made, %d more files open at clinic then; its memory %.1f MiB before" % (most, turn, connected, held, memory))
        if bears:
            self.claims.claim("%d connections that say nothing are made%s" % (most, turn), connected >= most * 0.999, connected)
            self.claims.claim("meanwhile others are answered%s" % turn, results and not wrong, seen)
            self.claims.claim("the silent ones are gone within %d s%s" % (ARRIVAL + 5, turn), freed is not None and freed <= ARRIVAL + 5,
                              "%s; %d of %d have heard of it" % ("not in %d s" % (ARRIVAL + 15) if freed is None else "%.1f s" % freed, closed, connected))
        else:
            self.claims.note("meanwhile answered: " + seen)
            self.claims.note("%d of %d connections were closed" % (closed, connected))
        until(lambda: self.cell.descriptors("clinic") < before + 50, 15, 0.2)
        self.claims.claim("their descriptors are free again%s" % turn, self.cell.descriptors("clinic") < before + 50, "%d before, %d after" % (before, self.cell.descriptors("clinic")))

    def crowd(self, most):
        """Makes connections, and waits until the door has closed them: how many, files that it had open, how many it closed, when its files were closed."""
        poll, waiting, sockets = selectors.EpollSelector(), set(), []
        before = self.cell.descriptors("clinic")
        try:
            for index in range(most):
                if index % 250 == 249:
                    time.sleep(0.03)  # what comes faster than it is taken in is dropped by the system, and never reaches the door
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex((ADDRESSES["clinic"], door.PORT))
                poll.register(one, selectors.EVENT_WRITE)
                sockets.append(one)
                waiting.add(one)
            connected, closed, end = 0, 0, time.monotonic() + 30
            while waiting and time.monotonic() < end:
                for key, _ in poll.select(0.5):
                    poll.unregister(key.fileobj)
                    if key.events & selectors.EVENT_READ:
                        closed += 1
                        continue
                    waiting.discard(key.fileobj)
                    if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        connected += 1
                        poll.register(key.fileobj, selectors.EVENT_READ)
            held = self.cell.descriptors("clinic") - before
            begin, freed = time.monotonic(), None
            while (freed is None or closed < connected) and time.monotonic() - begin < ARRIVAL + 15:
                for key, _ in poll.select(0.2):
                    if key.events & selectors.EVENT_READ:
                        closed += 1
                    poll.unregister(key.fileobj)
                if freed is None and self.cell.descriptors("clinic") < before + 50:
                    freed = time.monotonic() - begin
            return connected, held, closed, freed
        finally:
            for one in sockets:
                one.close()
            poll.close()


def post_nan(words, value=b"NaN"):
    """A question with something else in the place of its first word."""
    body = json.dumps({**words, "id": os.urandom(16).hex()}).encode()
    return body.replace(b"[0, ", b"[" + value + b", ", 1)
