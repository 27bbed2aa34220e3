"""Starts a cell on this machine's loopback, and asks it by all clients: cell.py --crypten PATH --parties N [--node PATH] [--only WORD].

A party is a process of `crypten serve` with an identity of its own. The cell is started twice: its doors with TLS are asked by the clients in
Python (`python -m crypten_client`) and Swift (`crypten client infer`), and by tritonclient where it is installed; its doors without TLS, which are for
programs of this machine, by the client in JavaScript with tokens of `crypten client token`. Answers are held against `crypten infer` of the same
file; refusals against the sentence that each client should print.

Prints a line for each claim, and ends with 1 where one doesn't hold. Needs numpy, and openssl for the clients' keys.
"""
import argparse
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
DIGITS = os.path.join(ROOT, "Sources", "CrypTenTool", "Resources", "digits")
BOUND = 2e-3  # how far fixed point may be from the model in the clear
ROWS = 11  # more than a request takes, which are 8
BUDGET = 3  # the rows that a client with a budget may ask in a day
CLIENTS = ["app", "small-python", "small-swift", "small-javascript"]


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def free_ports(count):
    """Ports that nothing listens on: all are held until all are known."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Command:
    """What a program printed, and how it ended."""

    def __init__(self, arguments, folder, timeout=60, **more):
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no", PYTHONPATH=os.path.join(ROOT, "clients", "python", "src"))
        try:
            done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=timeout, env=environment, **more)
        except subprocess.TimeoutExpired:
            raise Failure("%s didn't end within %d s" % (os.path.basename(arguments[0]), timeout)) from None
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


class Cell:
    """The members of a cell, as processes, and the files of its clients."""

    def __init__(self, crypten, folder, parties, tls):
        self.crypten, self.folder, self.tls = crypten, folder, tls
        self.parties = ["p%d" % party for party in range(parties)]
        self.members = self.parties + ["dealer"]
        self.processes = {}
        ports = iter(free_ports(3 * parties + 2))
        address = {name: "127.0.0.1:%d" % next(ports) for name in self.members}
        status = {name: "127.0.0.1:%d" % next(ports) for name in self.members}
        self.doors = {name: next(ports) for name in self.parties}
        scheme = "https" if tls else "http"
        prints = {name: self.identity(name) for name in self.members + CLIENTS + ["stranger"]}
        lines = ["cell: clients", "members:"]
        for party, name in enumerate(self.parties):
            lines.append(
                '  %s: {party: %d, address: "%s", door: "%s://127.0.0.1:%d", identity: [%s]}'
                % (name, party, address[name], scheme, self.doors[name], prints[name])
            )
        lines += ["dealers:", '  dealer: {address: "%s", identity: [%s]}' % (address["dealer"], prints["dealer"])]
        lines += [
            "models:", "  digits:", "    owner: p1", "    inputs: {x: {shapes: [[rows, 1, 8, 8]], range: [0, 1]}}",
            "    batch: {window: 2ms, sizes: [1, 4, 8]}", "clients:",
        ]
        for name in CLIENTS:
            self.key(name)
            with open(self.path(name + ".public.pem"), encoding="ascii") as file:
                public = json.dumps(file.read())
            allowed = "{}" if name == "app" else "{rows_per_day: %d}" % BUDGET
            lines.append("  %s: {certificates: [%s], keys: [%s], models: {digits: %s}}" % (name, prints[name], public, allowed))
        self.key("stranger")
        lines += ["limits: {waiting: 10s}", "local:"]
        for name in self.members:
            model = ", models: {digits: %s}" % json.dumps(os.path.join(DIGITS, "cnn.onnx")) if name == "p1" else ""
            lines.append('  %s: {identity: [%s.identity.pem], status: "%s", state: %s.state%s}' % (name, name, status[name], name, model))
        with open(self.path("cell.yaml"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        with open(self.path("cell.json"), "w", encoding="utf-8") as file:
            file.write(self.run("cluster", "cell", "cell.yaml"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        done = Command([self.crypten, *arguments], self.folder)
        check(done.code == 0, "crypten %s: %s" % (" ".join(arguments), done.err.strip()))
        return done.out

    def identity(self, name):
        return re.search(r"fingerprint\s+(\S+)", self.run("identity", "create", name)).group(1)

    def key(self, name):
        """A key for tokens."""
        for arguments in (["genpkey", "-algorithm", "ed25519", "-out", name + ".key"], ["pkey", "-in", name + ".key", "-pubout", "-out", name + ".public.pem"]):
            done = Command(["openssl", *arguments], self.folder)
            check(done.code == 0, "openssl %s: %s" % (arguments[0], done.err.strip()))

    def token(self, client, party):
        return self.run("client", "token", "--key", client + ".key", "--name", client, "--cell", "clients", "--party", party).strip()

    def start(self):
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
        for name in self.members:
            with open(self.path(name + ".log"), "wb") as log:
                self.processes[name] = subprocess.Popen(
                    [self.crypten, "serve", "--cluster", "cell.yaml", "--as", name], cwd=self.folder, stdout=log, stderr=log, env=environment,
                )
        end = time.monotonic() + 60
        for name in self.parties:
            while self.ready(name) != 200:
                for member, process in self.processes.items():
                    check(process.poll() is None, "%s has ended: %s" % (member, self.last(member)))
                check(time.monotonic() < end, "%s isn't ready within 60 s: %s" % (name, self.last(name)))
                time.sleep(0.1)

    def last(self, member):
        with open(self.path(member + ".log"), encoding="utf-8", errors="replace") as file:
            return (file.read().strip().splitlines() or ["it said nothing"])[-1]

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def request(self, party, method, path, body=None, client=None, timeout=15):
        """The status and the body of a reply, of whoever answers: what is sent here isn't secret."""
        port = self.doors[party]
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if client:
                context.load_cert_chain(self.path(client + ".identity.pem"))
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=timeout)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        headers = {} if self.tls or not client else {"Authorization": "Bearer " + self.token(client, party)}
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def ready(self, party):
        try:
            return self.request(party, "GET", "/v2/health/ready")[0]
        except (OSError, http.client.HTTPException):
            return None


class Replayed:
    """Doors that tell of a model as a cell's do, but for `change`, and answer nothing else."""

    def __init__(self, cell, change):
        with open(cell.path("cell.json"), encoding="utf-8") as file:
            document = json.load(file)
        self.servers = []
        self.asked = []
        for name, party in zip(cell.parties, document["parties"]):
            metadata = json.loads(cell.request(name, "GET", "/v2/models/digits", client="app")[1])
            change(metadata)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler(json.dumps(metadata).encode()))
            if cell.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(cell.path(name + ".identity.pem"))
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.servers.append(server)
            party["url"] = "%s://127.0.0.1:%d" % ("https" if cell.tls else "http", server.server_address[1])
        self.file = cell.path("replayed.json")
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(document, file)

    def handler(self, body):
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                asked.append(self.path)
                self.send_error(500)

            def log_message(self, *_):
                pass

        return Handler

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


# The clients: each asks for the rows of a file, and gives what came, or what it printed.


def by_python(cell, rows, client="app", file="cell.json", tokens=None):
    known = ["--certificate", client + ".identity.pem", "--key", client + ".identity.pem"]
    if tokens:
        known = [argument for name, path in token_files(cell, tokens) for argument in ("--token", "%s=%s" % (name, path))]
    return answered(
        cell, [sys.executable, "-m", "crypten_client", file, "digits", "--input", "x=" + rows, *known, "--timeout", "20", "--folder"],
    )


def by_swift(cell, rows, client="app", file="cell.json", tokens=None):
    check(tokens is None, "crypten client infer shows a certificate, and sends no tokens")
    return answered(
        cell,
        [cell.crypten, "client", "infer", "--cell", file, "--identity", client + ".identity.pem", "--model", "digits", "--input", "x=" + rows, "--output-dir"],
    )


def by_javascript(cell, rows, client="app", file="cell.json", tokens=None):
    tokens = tokens or {party: cell.token(client, party) for party in cell.parties}
    x = np.load(cell.path(rows))
    with open(cell.path(rows + ".f64"), "wb") as raw:
        raw.write(np.ascontiguousarray(x, dtype="<f8").tobytes())
    with open(cell.path("tokens.json"), "w", encoding="utf-8") as to:
        json.dump(tokens, to)
    done = Command([cell.node, os.path.join(HERE, "ask.mjs"), file, "tokens.json", "digits", "x", rows + ".f64", json.dumps(x.shape)], cell.folder)
    outputs = {}
    if done.code == 0:
        outputs = {name: np.array(one["data"], dtype=np.float64).reshape(one["shape"]) for name, one in json.loads(done.out).items()}
    return done, outputs


def token_files(cell, tokens):
    for name, token in tokens.items():
        with open(cell.path(name + ".token"), "w", encoding="ascii") as file:
            file.write(token)
        yield name, name + ".token"


def answered(cell, arguments):
    folder = tempfile.mkdtemp(dir=cell.folder)
    done = Command([*arguments, folder], cell.folder)
    return done, {name[: -len(".npy")]: np.load(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".npy")}


def refused(result, words, tokens=()):
    """Whether a client ended with a sentence that has `words`, and nothing that it shouldn't."""
    done, outputs = result
    check(done.code != 0 and not outputs, "it gave an answer")
    said = done.err.strip()
    check(len(said.splitlines()) == 1 and len(said) < 700, "it printed other than one line: %r" % said[:1000])
    check("Traceback" not in said and not done.out.strip(), "it printed %r" % (done.out + said)[:1000])
    check(re.search(words, said) is not None, "its sentence says nothing of %s: %s" % (words, said))
    check(not any(part in said for token in tokens for part in token.split(".")), "its sentence has a token's part")


class Claims:
    """What should hold, in the order in which it is tried."""

    def __init__(self, title, only):
        self.title, self.only, self.failed, self.held = title, only, 0, 0

    def hold(self, claim, work):
        claim = "%s: %s" % (self.title, claim)
        if self.only not in claim:
            return
        start = time.monotonic()
        try:
            work()
        except Failure as failure:
            self.failed += 1
            print("FAILED: %s: %s" % (claim, failure), flush=True)
        else:
            self.held += 1
            print("ok: %s (%.1f s)" % (claim, time.monotonic() - start), flush=True)


def try_client(claims, cell, name, ask, small, expected):
    def answers():
        done, outputs = ask(cell, "rows.npy")
        check(done.code == 0, done.err.strip()[:1000])
        check(list(outputs) == list(expected), "it gave outputs %s, and %s are the model's" % (list(outputs), list(expected)))
        for output, known in expected.items():
            got = outputs[output]
            check(got.shape == known.shape, "output %s has shape %s, and %s is expected" % (output, got.shape, known.shape))
            off = float(np.abs(got.astype(np.float64) - known).max())
            check(off <= BOUND, "output %s is off by %g" % (output, off))
            check((got.argmax(axis=1) == known.argmax(axis=1)).all(), "output %s has other labels" % output)

    def budget():
        done, _ = ask(cell, "few.npy", client=small)
        check(done.code == 0, "%d rows within the budget: %s" % (BUDGET, done.err.strip()[:1000]))
        refused(ask(cell, "one.npy", client=small), r"budget|used up")

    def version():
        other = Replayed(cell, lambda metadata: metadata["parameters"].update(crypten_sharing=2))
        try:
            refused(ask(cell, "one.npy", file=other.file), r"shares numbers in another way|splits inputs by version|has crypten_sharing")
            check(other.asked and all("infer" not in path for path in other.asked), "a question was sent all the same")
        finally:
            other.stop()

    def swapped():
        tokens = {party: cell.token("app", other) for party, other in zip(cell.parties, cell.parties[1:] + cell.parties[:1])}
        refused(ask(cell, "one.npy", tokens=tokens), r"(?i)party '?p\d.*(unauthorized|isn't for this party)", tokens.values())

    claims.hold("%s: %d rows, in parts, are answered as in the clear" % (name, ROWS), answers)
    if name != "Swift":  # which shows a certificate
        claims.hold("%s: a token for another party is refused in a sentence" % name, swapped)
    claims.hold("%s: an unknown client is told so in a sentence" % name, lambda: refused(
        ask(cell, "one.npy", client="stranger"), r"unauthorized|no client's of this cell|names a client that isn't in the cluster file"))
    claims.hold("%s: a budget that is used up is told in a sentence" % name, budget)
    claims.hold("%s: another version of sharing is told in a sentence, and nothing is asked" % name, version)


def try_door(claims, cell):
    def version():
        document = {"id": "0" * 32, "parameters": {"crypten_sharing": 2, "crypten_epoch": "0" * 32, "crypten_seed": "0" * 64},
                    "inputs": [{"name": "x", "shape": [1, 1, 8, 8], "datatype": "UINT64"}]}
        for party in cell.parties:
            status, body = cell.request(party, "POST", "/v2/models/digits/infer", json.dumps(document), client="app")
            check((status, json.loads(body)["crypten_code"]) == (400, "sharing_version"), "%d %r" % (status, body[:300]))

    claims.hold("the door refuses another version of sharing by its code", version)


def try_triton(claims, cell):
    tokens = {party: cell.token("app", party) for party in cell.parties}
    with open(cell.path("triton.json"), "w", encoding="utf-8") as file:
        json.dump({"doors": cell.doors, "tokens": tokens}, file)
    done = Command([sys.executable, os.path.join(HERE, "triton.py"), "triton.json"], cell.folder)
    lines = done.out.splitlines()
    for line in lines:
        kind, _, claim = line.partition(": ")
        if claims.only in "%s: tritonclient: %s" % (claims.title, claim):
            print("%s: %s: tritonclient: %s" % (kind, claims.title, claim), flush=True)
            claims.held += kind == "ok"
            claims.failed += kind == "FAILED"
    if done.code not in (0, 1) or not lines:
        claims.failed += 1
        print("FAILED: %s: tritonclient: %s" % (claims.title, (done.err.strip().splitlines() or ["it printed nothing"])[-1]), flush=True)


def try_cell(claims, arguments, tls, expected, folder, rows):
    cell = Cell(arguments.crypten, folder, arguments.parties, tls)
    cell.node = arguments.node
    for name, count in (("rows.npy", len(rows)), ("few.npy", BUDGET), ("one.npy", 1)):
        np.save(cell.path(name), rows[:count])
    try:
        cell.start()
        if tls:
            try_client(claims, cell, "Python", by_python, "small-python", expected)
            try_client(claims, cell, "Swift", by_swift, "small-swift", expected)
            try_door(claims, cell)
            if arguments.triton:
                try_triton(claims, cell)
        else:
            try_client(claims, cell, "JavaScript", by_javascript, "small-javascript", expected)
    finally:
        cell.stop()


def in_the_clear(crypten, parties, rows, folder):
    """What `crypten infer` makes of the same rows."""
    np.save(os.path.join(folder, "rows.npy"), rows)
    done = Command(
        [crypten, "infer", "--local", str(parties), "--model", os.path.join(DIGITS, "cnn.onnx"), "--input", "x=rows.npy", "--output-dir", "clear"],
        folder, timeout=120,
    )
    check(done.code == 0, "crypten infer: %s" % done.err.strip())
    clear = os.path.join(folder, "clear")
    return {name[: -len(".npy")]: np.load(os.path.join(clear, name)) for name in sorted(os.listdir(clear)) if name.endswith(".npy")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crypten", required=True)
    parser.add_argument("--parties", type=int, default=2)
    parser.add_argument("--node", help="Node.js; without it the client in JavaScript isn't asked")
    parser.add_argument("--triton", action="store_true", help="ask by tritonclient, too")
    parser.add_argument("--only", default="", help="claims that have this word")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    arguments = parser.parse_args()
    arguments.crypten = os.path.abspath(arguments.crypten)
    folder = tempfile.mkdtemp(prefix="crypten-clients-")
    claims = Claims("%d parties" % arguments.parties, arguments.only)
    try:
        rows = np.load(os.path.join(DIGITS, "x_test.npy"))[:ROWS]
        expected = in_the_clear(arguments.crypten, arguments.parties, rows, folder)
        for tls in [True] + [False] * bool(arguments.node):
            inner = os.path.join(folder, "tls" if tls else "plain")
            os.mkdir(inner)
            try_cell(claims, arguments, tls, expected, inner, rows)
    except Failure as failure:
        claims.failed += 1
        print("FAILED: %s: %s" % (claims.title, failure), flush=True)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if not arguments.node:
        print("skipped: %s: JavaScript: no Node.js 20 here" % claims.title)
    return 1 if claims.failed else 0


if __name__ == "__main__":
    sys.exit(main())
