"""1 and 2: from nothing to a private answer as the page says, and answers to both clients."""
import os
import re
import shutil
import subprocess
import tempfile

import numpy as np

from .cell import DIGITS, PARTIES, ROOT, WRONG_BEYOND, Cell
from .claims import until
from .machines import ADDRESSES

PAGE = os.path.join(ROOT, "Sources", "CrypTen", "Documentation.docc", "RunningIt.md")
MOST_COMMANDS = 15


class Typist:
    """Types commands on machines, and counts them."""

    def __init__(self, machines, folder, tool):
        self.machines, self.folder, self.typed, self.running = machines, folder, [], {}
        bin = os.path.join(folder, "bin")
        os.makedirs(bin)
        os.symlink(tool.path, os.path.join(bin, "crypten"))
        python = os.path.join(ROOT, "clients", "python", "src")
        self.environment = dict(os.environ, PATH=bin + ":" + os.environ["PATH"], PYTHONPATH=python, SWIFT_BACKTRACE="enable=no")

    def home(self, machine):
        path = os.path.join(self.folder, machine)
        os.makedirs(path, exist_ok=True)
        return path

    def type(self, machine, line):
        self.typed.append((machine, line))
        done = subprocess.run(["ip", "netns", "exec", self.machines.name(machine), "bash", "-c", line], cwd=self.home(machine),
                              env=self.environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    def leave_running(self, machine, line):
        self.typed.append((machine, line))
        log = open(os.path.join(self.home(machine), "log"), "wb")
        self.running[machine] = subprocess.Popen(["ip", "netns", "exec", self.machines.name(machine), "bash", "-c", "exec " + line],
                                                 cwd=self.home(machine), env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def page_file(prints, machines_of):
    """The cluster file of the page, with fingerprints in the place of the page's, and addresses that are here."""
    with open(PAGE) as file:
        yaml = re.search(r"```yaml\n(.*?)```", file.read(), re.S).group(1)
    for short, name in [("3f9a-11c0-…", "clinic"), ("77aa-…", "bank"), ("c0de-…", "notary"), ("1b2c-…", "ward-app")]:
        yaml = yaml.replace(short, prints[name])
    for name, address in machines_of.items():
        yaml = yaml.replace(name + ".example", address)
    return yaml


def literally(machines, tool, claims):
    claims.begin(1, "From nothing to a private answer, by the page RunningIt")
    expected = tool.expected
    folder = os.path.join(tool.folder, "literally")
    typist = Typist(machines, folder, tool)
    members = [*PARTIES, "notary"]
    prints = {}
    for machine, name in [*[(name, name) for name in members], ("ward", "ward-app")]:
        code, text = typist.type(machine, "crypten identity create " + name)
        found = re.search(r"fingerprint\s+(\S+)", text)
        if not claims.claim("%s makes a key" % machine, code == 0 and found, "" if code == 0 else text):
            return
        prints[name] = found.group(1)

    # The page's own file first: nobody starts a cell with it here, but each word of it is taken.
    page = os.path.join(folder, "page.yaml")
    with open(page, "w") as file:
        file.write(page_file(prints, ADDRESSES))
    done = subprocess.run([tool.path, "cluster", "check", page], capture_output=True, text=True, timeout=60)
    claims.claim("the page's cluster file, with real fingerprints, passes `crypten cluster check`", done.returncode == 0,
                 " ".join((done.stdout + done.stderr).split())[:600] if done.returncode else "")

    # A file for three parties, written together: as on the page, with the digits of 8 x 8 pixels.
    lines = ["cell: lending", "fraction_bits: 16", "members:"]
    for number, name in enumerate(PARTIES):
        lines += ["  %s:" % name, "    party: %d" % number, "    address: %s:9400" % ADDRESSES[name],
                  "    door: https://%s:8443" % ADDRESSES[name], "    identity: [%s]" % prints[name]]
    lines += ["dealers:", "  notary:", "    address: %s:9400" % ADDRESSES["notary"], "    identity: [%s]" % prints["notary"], "models:", "  digits:",
              "    owner: bank", "    inputs: {x: {shapes: [[rows, 1, 8, 8]], range: [0, 1]}}",
              "    batch: {window: 5ms, sizes: [1, 8, 32]}", "    prepared: {1: 8, 32: 4}", "clients:", "  ward-app:",
              "    certificates: [%s]" % prints["ward-app"], "    models: {digits: {rows_per_day: 100000}}", "revoked: []",
              "limits: {requests: 1024, request_bytes: 16MiB, memory: 2GiB}", "local:"]
    for name in members:
        lines += ["  %s:" % name, "    identity: [%s.identity.pem]" % name, "    listen: 0.0.0.0:9400", "    status: 127.0.0.1:9464", "    state: state"]
        lines += ["    door: 0.0.0.0:8443"] if name in PARTIES else []
        lines += ["    models: {digits: digits.onnx}"] if name == "bank" else []
    for machine in [*members, "ward"]:
        with open(os.path.join(typist.home(machine), "cluster.yaml"), "w") as file:
            file.write("\n".join(lines) + "\n")
    shutil.copy(os.path.join(DIGITS, "cnn.onnx"), os.path.join(typist.home("bank"), "digits.onnx"))
    for name in members:
        code, text = typist.type(name, "crypten cluster check cluster.yaml --as " + name)
        claims.claim("%s finds no fault in the file" % name, code == 0, "" if code == 0 else " ".join(text.split())[:300])
    try:
        for name in reversed(members):  # in any order
            typist.leave_running(name, "crypten serve --cluster cluster.yaml --as " + name)
        curl = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9464/ready"

        def ready(name):
            return subprocess.run(["ip", "netns", "exec", machines.name(name), "bash", "-c", curl], capture_output=True, timeout=10).stdout == b"200"

        claims.claim("all are ready, as the page's curl says, within 30 s", until(lambda: all(ready(name) for name in members), 30, 0.3))
        code, text = typist.type("ward", "crypten cluster cell cluster.yaml > cell.json")
        claims.claim("cell.json is made", code == 0, "" if code == 0 else text)
        np.save(os.path.join(typist.home("ward"), "image.npy"), tool.x[:1])
        code, text = typist.type("ward", "python3 -m crypten_client cell.json digits --input x=image.npy --certificate ward-app.certificate.pem "
                                         "--key ward-app.identity.pem")
        claims.claim("the client has an answer", code == 0, text.strip())
        answers = [name for name in os.listdir(typist.home("ward")) if name.endswith(".npy") and name != "image.npy"]
        if answers:
            error = float(np.abs(np.load(os.path.join(typist.home("ward"), answers[0])) - expected[:1]).max())
            claims.claim("the answer is right", error < WRONG_BEYOND, "error %.1e" % error)
        claims.claim("at most %d commands are typed in all" % MOST_COMMANDS, len(typist.typed) <= MOST_COMMANDS, "%d" % len(typist.typed))
        for machine in dict.fromkeys(machine for machine, _ in typist.typed):
            lines = [line for other, line in typist.typed if other == machine]
            claims.note("%s types %d:" % (machine, len(lines)))
            for line in lines:
                claims.note("    " + line)
        claims.note("not counted: installing the program and the client, and writing the file, which is an editor's work")
    finally:
        typist.stop()


def both_clients(machines, tool, claims):
    claims.begin(2, "Answers are right for both clients, at any MTU")
    cell = Cell(machines, tool, "both")
    try:
        cell.start()
        claims.claim("all are ready within 30 s", cell.wait_ready())
        batches = [slice(i, i + 1) for i in range(12)] + [slice(40, 48), slice(100, 132), slice(200, 241)]
        for mtu in (1500, 1280):
            machines.mtu(mtu)
            waits = {name: machines.start(name, cell.errors, name, batches) for name in ("ward", "lab")}
            for name, how in [("ward", "by its certificate"), ("lab", "by tokens")]:
                try:
                    error = waits[name]()
                    claims.claim("MTU %d: %s, known %s, is answered right" % (mtu, name, how), error < WRONG_BEYOND, "largest error %.1e" % error)
                except Exception as error:
                    claims.claim("MTU %d: %s, known %s, is answered right" % (mtu, name, how), False, error)
    finally:
        machines.mtu(1500)
        claims.claim("all members end on SIGTERM", cell.stop() == [])
