"""6: what a party holds after many requests."""
import asyncio
import json
import os
import time

from . import door
from .cell import PARTIES, Cell
from .claims import until
from .machines import ADDRESSES

GROWTH = 1.03
WAITING = 3


def memory(machines, tool, claims, most):
    claims.begin(6, "Memory doesn't grow with the number of requests")
    cell = Cell(machines, tool, "memory", limits="{requests: 2048, arrival: 10s, waiting: %ds}" % WAITING)
    with open(cell.path("with-certificates.json"), "w") as file:
        file.write(tool.run("cluster", "cell", cell.path("clinic", "cluster.yaml"),
                            *[word for name in PARTIES for word in ("--certificate", "%s=%s" % (name, cell.path(name, name + ".certificate.pem")))]))
    asked = [0, 0.0]

    def ask(total):
        """Has clients ask until so many answers came in all."""
        begin = time.monotonic()
        while asked[0] < total and time.monotonic() - begin < 600:
            speed = asked[0] / asked[1] if asked[1] > 5 else 0
            seconds = min(60, max(1, int((total - asked[0]) / speed))) if speed else 2
            done = machines.command("ward", [tool.path, "client", "load", "--cell", cell.path("with-certificates.json"), "--identity",
                                             cell.path("ward", "ward.identity.pem"), "--model", "digits", "--input", "x=" + tool.x_file, "--clients", "16",
                                             "--seconds", str(seconds), "--json"], timeout=180, cwd=cell.folder)
            if done.returncode != 0:
                raise RuntimeError("crypten client load: " + done.stderr.decode())
            report = json.loads(done.stdout)
            if report["refusals"]:
                claims.note("refusals under load: %s" % report["refusals"])
            asked[0] += report["answers"]
            asked[1] += seconds
        time.sleep(4)
        return {name: cell.memory(name) for name in cell.members}

    def compare(what, first, second):
        # The heap may give back what is free by a clock of its own.
        until(lambda: all(cell.memory(name) <= GROWTH * first[name] for name in first), 75, 1)
        for name in first:
            second[name] = min(second[name], cell.memory(name))
            growth = second[name] / first[name]
            claims.claim("%s of %s: at most %.2f times" % (what, name, GROWTH), growth <= GROWTH, "%.1f MiB, then %.1f MiB: %.3f" % (first[name], second[name], growth))

    try:
        cell.start()
        claims.claim("all are ready within 30 s", cell.wait_ready())
        start = {name: cell.memory(name) for name in cell.members}
        first = ask(1000)
        counted = asked[0]
        second = ask(most)
        claims.claim("%d requests are answered" % most, asked[0] >= most, "%d, %.0f a second" % (asked[0], asked[0] / max(asked[1], 1)))
        claims.note("at the start: " + ", ".join("%s %.1f MiB" % pair for pair in start.items()))
        compare("resident memory after %d and after %d requests" % (counted, asked[0]), first, second)
        half = []
        for total in (3000, 10_000):
            codes = machines.start("lab", lambda: asyncio.run(half_open(cell, total // 1000)))(timeout=400)
            claims.claim("%d requests at one party alone are refused by name" % total, set(codes) <= {"incomplete", "busy"} and sum(codes.values()) >= total * 0.99, codes)
            time.sleep(5)
            half.append({"clinic": cell.memory("clinic")})
        compare("resident memory after 3,000 and after 13,000 requests that only one party got", *half)
        claims.claim("then answers are right", cell.answers(seconds=5)[0])
    finally:
        claims.claim("all members end on SIGTERM", cell.stop() == [])


async def half_open(cell, rounds, connections=1000):
    """A thousand connections to clinic, each of which asks `rounds` times what no other party hears of."""
    codes = {}
    shown = door.context(cell.path("ward", "ward.identity.pem"))
    gate = asyncio.Semaphore(50)

    def count(code):
        codes[code] = codes.get(code, 0) + 1

    async def exchange(reader, writer, data):
        writer.write(data)
        await writer.drain()
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        return json.loads(await asyncio.wait_for(reader.readexactly(length), 30))

    async def one(epoch):
        try:
            async with gate:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(ADDRESSES["clinic"], door.PORT, ssl=shown), 60)
            try:
                for _ in range(rounds):
                    body = door.part(0, os.urandom(16).hex(), epoch)
                    count((await exchange(reader, writer, door.request("POST", "/v2/models/digits/infer", body))).get("crypten_code", "answered"))
            finally:
                writer.close()
        except (OSError, ValueError, IndexError, EOFError, asyncio.TimeoutError) as error:
            count("lost: " + type(error).__name__)

    reader, writer = await asyncio.open_connection(ADDRESSES["clinic"], door.PORT, ssl=shown)
    epoch = (await exchange(reader, writer, door.request("GET", "/v2/models/digits")))["parameters"]["crypten_epoch"]
    writer.close()
    await asyncio.gather(*[one(epoch) for _ in range(connections)])
    return codes
