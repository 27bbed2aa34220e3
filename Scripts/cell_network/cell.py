"""A cell whose members are machines of their own: its files, its processes, and its clients."""
import glob
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time

import numpy as np
from crypten_client import Cell as ClientCell
from crypten_client import CrypTenError

from .claims import until
from .machines import ADDRESSES

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIGITS = os.path.join(ROOT, "Sources", "CrypTenTool", "Resources", "digits")
PARTIES = ["clinic", "bank", "court"]
WRONG_BEYOND = 2e-3


def faketime_library():
    """Debian's package `faketime`, if it is installed."""
    found = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class Tool:
    """The program, and what it says of the digits in the clear."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        self.x = np.load(os.path.join(DIGITS, "x_test.npy"))
        self.x_file = os.path.join(DIGITS, "x_test.npy")
        self._expected = None

    def run(self, *words, folder=None, environment=None, check=True):
        done = subprocess.run([self.path, *words], cwd=folder or self.folder, capture_output=True, text=True, timeout=300,
                              env=dict(os.environ, **(environment or {})))
        if check and done.returncode != 0:
            raise RuntimeError("crypten %s: %s" % (" ".join(words), done.stderr))
        return done.stdout

    def identity(self, name, folder, *words, faketime=None):
        """Makes an identity, perhaps at another time, and returns its fingerprint."""
        os.makedirs(folder, exist_ok=True)
        prefix = ["faketime", faketime] if faketime else []
        done = subprocess.run([*prefix, self.path, "identity", "create", name, *words], cwd=folder, capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, DONT_FAKE_MONOTONIC="1"))
        if done.returncode != 0:
            raise RuntimeError("crypten identity create: " + done.stderr)
        return re.search(r"fingerprint\s+(\S+)", done.stdout).group(1)

    @property
    def expected(self):
        """What `crypten infer` makes of all rows."""
        if self._expected is None:
            self.run("infer", "--local", "3", "--model", os.path.join(DIGITS, "cnn.onnx"), "--input", "x=" + self.x_file,
                     "--output-dir", "clear")
            clear = os.path.join(self.folder, "clear")
            self._expected = np.load(os.path.join(clear, [name for name in sorted(os.listdir(clear)) if name.endswith(".npy")][0]))
        return self._expected


class Cell:
    """Three parties, one dealer or two, and two clients: ward shows a certificate, lab sends tokens."""

    def __init__(self, machines, tool, name, dealers=("notary",), limits="{arrival: 5s, waiting: 6s}"):
        self.machines, self.tool = machines, tool
        self.folder = os.path.join(tool.folder, name)
        os.makedirs(self.folder)
        self.limits, self.revoked, self.more_clients = limits, [], []
        self.processes, self.places = {}, {name: name for name in [*PARTIES, "notary"]}
        self.places["notary-2"] = "annex"
        self.dealers = list(dealers)
        self.addresses = {name: ADDRESSES[place] for name, place in self.places.items()}
        self.prints = {}
        for member in [*PARTIES, "notary", "notary-2", "ward"]:
            self.prints[member] = [tool.identity(member, self.path(member))]
        os.makedirs(self.path("lab"))
        for words in [["genpkey", "-algorithm", "ed25519", "-out", "lab.key"], ["pkey", "-in", "lab.key", "-pubout", "-out", "lab.public.pem"]]:
            subprocess.run(["openssl", *words], cwd=self.path("lab"), check=True, capture_output=True, timeout=30)
        self.write()
        with open(self.path("cell.json"), "w") as file:
            file.write(self.tool.run("cluster", "cell", self.path("clinic", "cluster.yaml")))
        self._tokens, self._lock = {}, threading.Lock()

    def path(self, *words):
        return os.path.join(self.folder, *words)

    @property
    def members(self):
        return PARTIES + self.dealers

    # MARK: The cluster file

    def text(self):
        lines = ["cell: lending", "members:"]
        for number, name in enumerate(PARTIES):
            lines += [
                "  %s:" % name,
                "    party: %d" % number,
                "    address: %s:9400" % self.addresses[name],
                "    door: https://%s:8443" % self.addresses[name],
                "    identity: [%s]" % ", ".join(self.prints[name]),
            ]
        lines += ["dealers:"]
        for name in self.dealers:
            lines += ["  %s: {address: \"%s:9400\", identity: [%s]}" % (name, self.addresses[name], ", ".join(self.prints[name]))]
        with open(self.path("lab", "lab.public.pem")) as file:
            key = json.dumps(file.read())
        lines += [
            "models:",
            "  digits:",
            "    owner: bank",
            "    inputs: {x: {shapes: [[rows, 1, 8, 8]], range: [0, 1]}}",
            "    batch: {window: 2ms, sizes: [1, 8, 32]}",
            "    prepared: {1: 4, 8: 4}",
            "clients:",
            "  ward: {certificates: [%s], models: {digits: {rows_per_day: 10000000}}}" % ", ".join(self.prints["ward"]),
            "  lab: {keys: [%s], models: {digits: {rows_per_day: 10000000}}}" % key,
            *self.more_clients,
            "revoked: [%s]" % ", ".join(self.revoked),
            "limits: " + self.limits,
            "local:",
        ]
        for name in self.members:
            model = ", models: {digits: %s}" % os.path.join(DIGITS, "cnn.onnx") if name == "bank" else ""
            door = ', door: "0.0.0.0:8443"' if name in PARTIES else ""
            lines += ['  %s: {identity: [%s], listen: "0.0.0.0:9400"%s, status: "127.0.0.1:9464", state: %s%s}'
                      % (name, self.path(name, name + ".identity.pem"), door, self.path(name, "state"), model)]
        return "\n".join(lines) + "\n"

    def write(self):
        """Gives all members the cluster file as it is now."""
        text = self.text()
        for name in {*self.members, "notary", "notary-2"}:
            with open(self.path(name, "cluster.yaml"), "w") as file:
                file.write(text)

    # MARK: Processes

    def start(self, *names, faketime=None, environment=None, place=None, files=None):
        for name in names or self.members:
            log = open(self.path(name, "log"), "ab")
            # Not by the program `faketime`, which waits for its child and passes no signals on.
            clock = {"LD_PRELOAD": faketime_library(), "FAKETIME": faketime, "DONT_FAKE_MONOTONIC": "1"} if faketime else {}
            words = [self.tool.path, "serve", "--cluster", "cluster.yaml", "--as", name]
            if files:
                words = ["prlimit", "--nofile=%d" % files, *words]
            self.processes[name] = subprocess.Popen(
                ["ip", "netns", "exec", self.machines.name(place or self.places[name]), *words],
                cwd=self.path(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, SWIFT_BACKTRACE="enable=no", **clock, **(environment or {})))
            log.close()

    def signal(self, name, number):
        self.processes[name].send_signal(number)

    def kill(self, name):
        self.signal(name, signal.SIGKILL)
        self.processes[name].wait(timeout=10)

    def stop(self, *names):
        """Ends members as an operator does; returns those that had to be killed."""
        stubborn = []
        which = [name for name in (names or list(self.processes)) if name in self.processes]
        for name in which:
            self.processes[name].send_signal(signal.SIGCONT)
            self.processes[name].send_signal(signal.SIGTERM)
        for name in which:
            try:
                self.processes[name].wait(timeout=20)
            except subprocess.TimeoutExpired:
                stubborn.append(name)
                self.kill(name)
            del self.processes[name]
        return stubborn

    def pid(self, name):
        return self.processes[name].pid

    def memory(self, name):
        """Resident MiB."""
        with open("/proc/%d/status" % self.pid(name)) as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    def descriptors(self, name):
        return len(os.listdir("/proc/%d/fd" % self.pid(name)))

    def is_up(self, name):
        return name in self.processes and self.processes[name].poll() is None

    # MARK: What members say

    def ready(self, name):
        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", 9464, timeout=2)
            try:
                connection.request("GET", "/ready")
                return connection.getresponse().status
            except OSError:
                return 0
            finally:
                connection.close()

        return self.machines.inside(self.places[name], ask)

    def wait_ready(self, seconds=30):
        return until(lambda: all(self.ready(name) == 200 for name in self.members), seconds)

    def log(self, name, since=0):
        with open(self.path(name, "log"), "rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace")

    def log_ends(self):
        return {name: os.path.getsize(self.path(name, "log")) if os.path.exists(self.path(name, "log")) else 0
                for name in {*self.members, "notary-2"}}

    def said(self, name, pattern, since=0):
        """The first line of a member's log that has a pattern."""
        for line in self.log(name, since).splitlines():
            if re.search(pattern, line):
                return line
        return None

    # MARK: Clients

    def token(self, party):
        with self._lock:
            text, end = self._tokens.get(party, ("", 0))
            if time.monotonic() > end:
                text = self.tool.run("client", "token", "--key", self.path("lab", "lab.key"), "--cell", "lending", "--party", party,
                                     "--name", "lab").strip()
                self._tokens[party] = (text, time.monotonic() + 120)
            return text

    def client(self, name, timeout=20, retries=2, key=None):
        if name == "lab":
            return ClientCell.load(self.path("cell.json"), token=self.token, timeout=timeout, retries=retries)
        key = key or self.path(name, name + ".identity.pem")
        return ClientCell.load(self.path("cell.json"), certificate=key, key=key, timeout=timeout, retries=retries)

    def errors(self, name, batches, **options):
        """The largest error of the answers to batches of rows, asked by a client from its machine."""
        expected = self.tool.expected

        def ask():
            largest = 0.0
            with self.client(name, **options) as client:
                for rows in batches:
                    answer = next(iter(client.infer("digits", {"x": self.tool.x[rows]}).values()))
                    largest = max(largest, float(np.abs(answer - expected[rows]).max()))
            return largest

        return self.machines.inside(name, ask)

    def answers(self, name="ward", seconds=0, **options):
        """Whether a client gets a right answer, tried again for some seconds; or how it is refused."""
        seen = [""]

        def once():
            try:
                return self.errors(name, [slice(0, 1)], **{"timeout": 3, "retries": 0, **options}) < WRONG_BEYOND
            except CrypTenError as error:
                seen[0] = error.code
                return False

        return until(once, seconds), seen[0]


class Load:
    """Clients that ask row after row until they are told to stop; what came is kept with its times."""

    def __init__(self, cell, clients=3, timeout=3.0):
        self.cell, self.timeout = cell, timeout
        self.events, self.lock, self.ended = [], threading.Lock(), threading.Event()
        self.expected = cell.tool.expected
        self.waits = [cell.machines.start(name, self.ask, name, index) for name in ("ward", "lab") for index in range(clients)]

    def ask(self, name, index):
        client = self.cell.client(name, timeout=self.timeout, retries=0)
        row = index * 37
        while not self.ended.is_set():
            row = (row + 1) % len(self.expected)
            start = time.monotonic()
            try:
                answer = next(iter(client.infer("digits", {"x": self.cell.tool.x[row:row + 1]}).values()))
                kind = "right" if np.abs(answer - self.expected[row]).max() < WRONG_BEYOND else "WRONG"
            except CrypTenError as error:
                kind = error.code or "UNNAMED"
            with self.lock:
                self.events.append((start, time.monotonic(), kind))
            if kind != "right":
                time.sleep(0.05)

    def first_right(self, since):
        """When an answer came to a question that was asked since then."""
        with self.lock:
            ends = [end for start, end, kind in self.events[-20000:] if kind == "right" and start >= since]
        return min(ends) if ends else None

    def count(self):
        kinds = {}
        with self.lock:
            for _, _, kind in self.events:
                kinds[kind] = kinds.get(kind, 0) + 1
        return kinds

    def longest_gap(self, since):
        """The longest time without an answer."""
        with self.lock:
            ends = sorted(end for _, end, kind in self.events if kind == "right" and end >= since)
        times = [since, *ends, time.monotonic()]
        return max(b - a for a, b in zip(times, times[1:]))

    def stop(self):
        self.ended.set()
        for wait in self.waits:
            wait(timeout=60)
        return self.count()
