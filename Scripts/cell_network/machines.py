"""Machines that are network namespaces: each has one interface, a link of a given rate to a switch, and nothing of this machine's network."""
import ctypes
import os
import signal
import subprocess
import threading
import time

ADDRESSES = {
    "clinic": "10.77.0.10",
    "bank": "10.77.0.11",
    "court": "10.77.0.12",
    "notary": "10.77.0.20",
    "annex": "10.77.0.21",  # where a dealer moves to, and where impostors are
    "ward": "10.77.0.30",
    "lab": "10.77.0.31",
}
CLONE_NEWNET = 0x40000000


class NoNamespaces(Exception):
    """Namespaces can't be made here."""


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30)
    if check and done.returncode != 0:
        raise NoNamespaces("ip %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.stdout


class Machines:
    """All namespaces; with `with`, they are gone afterwards, and so is what runs in them."""

    def __init__(self, rate="100mbit", delay="5ms"):
        self.prefix = "cell-network-%d-" % os.getpid()
        self.rate, self.delay, self.has_delay = rate, delay, True
        self.made = []
        self.libc = ctypes.CDLL(None, use_errno=True)

    def name(self, machine):
        return self.prefix + machine

    def __enter__(self):
        try:
            self.make()
        except (NoNamespaces, OSError, subprocess.TimeoutExpired) as error:
            self.remove()
            raise NoNamespaces(str(error))
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def make(self):
        self.add("switch")
        ip("-n", self.name("switch"), "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        ip("-n", self.name("switch"), "link", "set", "br0", "up")
        for machine, address in ADDRESSES.items():
            self.add(machine)
            inside = ["-n", self.name(machine)]
            ip(*inside, "link", "add", "eth0", "type", "veth", "peer", "name", machine, "netns", self.name("switch"))
            ip("-n", self.name("switch"), "link", "set", machine, "master", "br0", "up")
            ip(*inside, "address", "add", address + "/24", "dev", "eth0")
            ip(*inside, "link", "set", "lo", "up")
            ip(*inside, "link", "set", "eth0", "up")
            # Both directions of a link have the rate; the delay is on the way out, so that a round trip has it twice.
            self.shape(self.name(machine), "eth0")
            self.shape(self.name("switch"), machine)

    def add(self, machine):
        ip("netns", "add", self.name(machine))
        self.made.append(machine)

    def shape(self, namespace, device):
        base = ["tc", "-n", namespace, "qdisc", "add", "dev", device, "root"]
        if self.has_delay:
            delay = ["delay", self.delay] if device == "eth0" else []
            done = subprocess.run([*base, "netem", *delay, "rate", self.rate, "limit", "5000"], capture_output=True, timeout=30)
            if done.returncode == 0:
                return
            self.has_delay = False  # this kernel has no netem
        done = subprocess.run([*base, "tbf", "rate", self.rate, "burst", "64kb", "latency", "200ms"], capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise NoNamespaces("tc: " + done.stderr.strip())

    def describe(self):
        return "%d machines, links of %s, %s" % (
            len(ADDRESSES), self.rate, "%s there and %s back" % (self.delay, self.delay) if self.has_delay else "no delay: this kernel has no netem")

    def remove(self):
        for machine in self.made:
            # Whatever runs in a namespace of ours was started by us.
            try:
                pids = [int(pid) for pid in ip("netns", "pids", self.name(machine), check=False).split()]
                for pid in pids:
                    if pid != os.getpid():
                        os.kill(pid, signal.SIGKILL)
            except (OSError, ValueError, subprocess.TimeoutExpired):
                pass
        for machine in self.made:
            for _ in range(20):
                if subprocess.run(["ip", "netns", "del", self.name(machine)], capture_output=True, timeout=30).returncode == 0:
                    break
                if not os.path.exists("/run/netns/" + self.name(machine)) and not os.path.exists("/var/run/netns/" + self.name(machine)):
                    break
                time.sleep(0.1)
        self.made = []

    # MARK: What is done there

    def enter(self, machine):
        """Puts this thread, and the threads it starts, onto a machine."""
        with open("/run/netns/" + self.name(machine)) as file:
            if self.libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def inside(self, machine, body, *arguments):
        """Calls a function on a machine: what it returns or raises."""
        return self.start(machine, body, *arguments)()

    def start(self, machine, body, *arguments):
        """Has a thread call a function on a machine, and returns what waits for its end."""
        result = {}

        def run():
            try:
                self.enter(machine)
                result["value"] = body(*arguments)
            except BaseException as error:  # it is raised where the result is asked for
                result["error"] = error

        thread = threading.Thread(target=run, daemon=True)
        thread.start()

        def wait(timeout=300):
            thread.join(timeout)
            if thread.is_alive():
                raise TimeoutError("something on %s didn't end within %d s" % (machine, timeout))
            if "error" in result:
                raise result["error"]
            return result.get("value")

        return wait

    def command(self, machine, words, timeout=60, **more):
        """Runs a command on a machine to its end."""
        return subprocess.run(["ip", "netns", "exec", self.name(machine), *words], capture_output=True, timeout=timeout, **more)

    # MARK: What happens to links

    def cut(self, machine, isCut):
        ip("-n", self.name("switch"), "link", "set", machine, "down" if isCut else "up")

    def deafen(self, machine, to, isDeaf):
        """Drops whatever comes to a machine from another; what it sends still arrives."""
        done = self.command(machine, ["iptables", "-A" if isDeaf else "-D", "INPUT", "-s", ADDRESSES[to], "-j", "DROP"])
        if done.returncode != 0:
            raise RuntimeError("iptables: %s" % done.stderr.decode())

    def mtu(self, bytes):
        for machine in ADDRESSES:
            ip("-n", self.name(machine), "link", "set", "eth0", "mtu", str(bytes))
            ip("-n", self.name("switch"), "link", "set", machine, "mtu", str(bytes))
