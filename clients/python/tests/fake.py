"""A cell for tests: n servers of HTTPS in this process, which hold requests strictly against "The door: clients that are no party".

Shares are expanded by PyPI's `cryptography`, summed, put through a model that is a function of whole numbers, and shared anew. Each party
counts what it receives. `before` of a party may answer in its place, and `change` may spoil its reply.
"""
from __future__ import annotations

import copy
import datetime
import hashlib
import http.server
import ipaddress
import json
import math
import re
import secrets
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MODULUS = 1 << 64
VERSION = "0123456789abcdef"


# Certificates


@dataclass
class Identity:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path
    pem: str
    fingerprint: str
    made: x509.Certificate
    secret: ec.EllipticCurvePrivateKey


def identity(folder: Path, name: str, hosts: Tuple[str, ...] = ("localhost", "127.0.0.1"), issuer: Optional[Identity] = None) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    alternatives: List[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(host)) if re.fullmatch(r"[\d.]+", host) else x509.DNSName(host) for host in hosts
    ]
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.made.subject if issuer else subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(issuer.secret if issuer else key, hashes.SHA256())
    )
    serial = secrets.token_hex(4)
    files = folder / f"{name}-{serial}.pem", folder / f"{name}-{serial}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Identity(
        files[0], files[1], files[0].read_text(), hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest(), made, key
    )


# Models


@dataclass
class FakeModel:
    """What metadata says, and what becomes of words: `function(rows, inputs)`, whose results have a shape and words."""

    inputs: List[Dict[str, Any]]
    outputs: List[Dict[str, Any]]
    function: Callable[[int, Dict[str, Tuple[List[int], List[int]]]], Dict[str, Tuple[List[int], List[int]]]]
    rows: int = 32
    version: str = VERSION


def described(name: str, type_name: str, shape: List[int], bits: int = 0, **more: Any) -> Dict[str, Any]:
    parameters = {"crypten_type": type_name, "crypten_fraction_bits": bits, **{f"crypten_{key}": value for key, value in more.items()}}
    return {"name": name, "datatype": "UINT64", "shape": shape, "parameters": parameters}


WEIGHTS = [[1, -2], [3, 5], [-7, 11]]
BIAS = [1000, -1]  # added to scores in units of 2^-16


def linear(rows: int, inputs: Dict[str, Tuple[List[int], List[int]]]) -> Dict[str, Tuple[List[int], List[int]]]:
    """x·W + b in the ring."""
    shape, x = inputs["x"]
    assert shape == [rows, 3]
    scores = [sum(x[3 * row + k] * WEIGHTS[k][column] for k in range(3)) + BIAS[column] for row in range(rows) for column in range(2)]
    return {"scores": ([rows, 2], scores)}


def mixed(rows: int, inputs: Dict[str, Tuple[List[int], List[int]]]) -> Dict[str, Tuple[List[int], List[int]]]:
    (_, real), (_, whole), (_, flags) = inputs["real"], inputs["größe"], inputs["flags"]
    return {
        "double": ([rows, 2, 2], [2 * word for word in real]),
        "triple": ([rows], [3 * word for word in whole]),
        "first": ([rows], flags[::2]),
    }


def summed(rows: int, inputs: Dict[str, Tuple[List[int], List[int]]]) -> Dict[str, Tuple[List[int], List[int]]]:
    shape, tokens = inputs["tokens"]
    extent = math.prod(shape[1:])
    return {
        "sum": ([rows], [sum(tokens[extent * row : extent * (row + 1)]) for row in range(rows)]),
        "room": ([rows], [extent] * rows),
    }


def models() -> Dict[str, FakeModel]:
    shapes = [[-1, 4], [-1, 8], [-1, 16]]
    return {
        "linear": FakeModel(
            [described("x", "FP32", [-1, 3], 16, range=[-4, 4], shapes=[[-1, 3]], pad=0)], [described("scores", "FP32", [-1, 2], 16)], linear
        ),
        "Größen-日本": FakeModel(
            [
                described("real", "FP64", [-1, 2, 2], 24, range=[-1000.5, 1000.5], shapes=[[-1, 2, 2]], pad=0),
                described("größe", "INT64", [-1], 0, range=[-(10**15), 10**15], shapes=[[-1]], pad=0),
                described("flags", "BOOL", [-1, 2], 0, range=[0, 1], shapes=[[-1, 2]], pad=0),
            ],
            [described("double", "FP64", [-1, 2, 2], 24), described("triple", "INT64", [-1]), described("first", "BOOL", [-1])],
            mixed,
            rows=5,
        ),
        "text": FakeModel(
            [described("tokens", "INT64", [-1, -1], 0, range=[0, 50000], shapes=shapes, pad=7)],
            [described("sum", "INT64", [-1]), described("room", "INT64", [-1])],
            summed,
            rows=4,
        ),
        "masked text": FakeModel(
            [
                described("tokens", "INT64", [-1, 4], 0, range=[0, 50000], shapes=shapes, pad=7),
                described("kept", "INT64", [-1, 4], 0, range=[0, 1], shapes=shapes, pad=0),
            ],
            [described("sum", "INT64", [-1])],
            lambda rows, inputs: {"sum": ([rows], summed(rows, {"tokens": (inputs["tokens"][0], products(inputs))})["sum"][1])},
        ),
    }


def products(inputs: Dict[str, Tuple[List[int], List[int]]]) -> List[int]:
    return [token * kept for token, kept in zip(inputs["tokens"][1], inputs["kept"][1])]


# Parties


@dataclass
class Request:
    """A question as a party got it."""

    path: str
    headers: Dict[str, str]
    document: Dict[str, Any]
    tail: bytes
    port: int


@dataclass
class Refusal(Exception):
    status: int
    code: str
    sentence: str = "it isn't so."
    retry_after: Optional[int] = None


@dataclass
class FakeParty:
    index: int
    name: str
    identity: Identity
    url: str = ""
    handshakes: int = 0
    ended: int = 0
    received: int = 0
    asked: List[str] = field(default_factory=list)
    requests: List[Request] = field(default_factory=list)
    tokens: Dict[str, str] = field(default_factory=dict)  # good for now, and whose they are
    before: Optional[Callable[["Handler", str], bool]] = None
    change: Optional[Callable[[Dict[str, Any], List[bytes]], None]] = None
    describe: Optional[Callable[[Dict[str, Any]], None]] = None
    binary: bool = True


class FakeCell:
    def __init__(self, folder: Path, parties: int = 2, authority: Optional[Identity] = None, clients: Optional[Identity] = None) -> None:
        self.name = "bank"
        self.folder = folder
        self.models = models()
        self.epoch = secrets.token_bytes(16)
        self.patience = 1.0  # how long parties wait for a request
        self.budget: Dict[Tuple[int, str], int] = {}  # the rows that a party still allows a client, where there is a limit
        self.lock = threading.Condition()
        self.used: set[Tuple[int, bytes]] = set()
        self.waiting: Dict[bytes, Dict[int, Tuple[Any, Dict[str, List[int]]]]] = {}
        self.results: Dict[bytes, Any] = {}
        self.clients = clients
        self.parties: List[FakeParty] = []
        self.servers: List[Server] = []
        for index in range(parties):
            name = ("clinic", "bank", "register")[index]
            party = FakeParty(index, name, identity(folder, name, issuer=authority), tokens={f"token.for.{name}": "app"})
            server = Server(self, party)
            party.url = f"https://localhost:{server.server_address[1]}"
            self.parties.append(party)
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def file(self, **changes: Any) -> Path:
        """The file of the cell; `changes` are by parties' names, and None takes an entry away."""
        parties = []
        for party in self.parties:
            entry = {"name": party.name, "url": party.url, "fingerprint": party.identity.fingerprint, **changes.get(party.name, {})}
            parties.append({key: value for key, value in entry.items() if value is not None})
        path = self.folder / f"cell-{secrets.token_hex(4)}.json"
        path.write_text(json.dumps({"cell": self.name, "parties": parties}))
        return path

    def tokens(self) -> Dict[str, str]:
        return {party.name: next(iter(party.tokens)) for party in self.parties}

    # What a party does with a question

    def metadata(self, party: FakeParty, name: str) -> Dict[str, Any]:
        model = self.models[name]
        document = {
            "name": name, "versions": [model.version], "platform": "crypten", "inputs": model.inputs, "outputs": model.outputs,
            "parameters": {
                "crypten_sharing": 1, "crypten_cell": self.name, "crypten_epoch": self.epoch.hex(), "crypten_party": party.index,
                "crypten_parties": len(self.parties), "crypten_party_name": party.name, "crypten_rows": model.rows,
            },
        }
        document = copy.deepcopy(document)
        if party.describe:
            party.describe(document)
        return document

    def answer(self, party: FakeParty, client: str, name: str, request: Request) -> Tuple[Dict[str, Any], List[bytes]]:
        model = self.models[name]
        document = request.document
        if any(one.get("datatype") != "UINT64" for one in document["inputs"]):
            raise Refusal(400, "needs_shares")
        exactly(document, {"id", "parameters", "inputs"}, {"outputs"})
        parameters = document["parameters"]
        last = party.index == len(self.parties) - 1
        exactly(parameters, {"crypten_sharing", "crypten_epoch"} | (set() if last else {"crypten_seed"}), {"binary_data_output"})
        check(parameters["crypten_sharing"] == 1, 400, "sharing_version")
        identifier = hexadecimal(document["id"], 16)
        if hexadecimal(parameters["crypten_epoch"], 16) != self.epoch:
            raise Refusal(409, "epoch")
        check([one["name"] for one in document["inputs"]] == [one["name"] for one in model.inputs], 400, "malformed")
        outputs = [one["name"] for one in document.get("outputs", model.outputs)]
        check(set(outputs) <= {one["name"] for one in model.outputs}, 403, "forbidden")
        rows, tail = document["inputs"][0]["shape"][0], request.tail
        check(1 <= rows <= model.rows, 413, "too_large")
        shares: Dict[str, List[int]] = {}
        places = set(range(100))  # of the inputs' shapes, which belong together
        for one, expected in zip(document["inputs"], model.inputs):
            exactly(one, {"name", "shape", "datatype"} | ({"parameters"} if last else set()), set())
            check(one["shape"][0] == rows, 400, "malformed")
            places &= {place for place, shape in enumerate(expected["parameters"]["crypten_shapes"]) if shape[1:] == one["shape"][1:]}
            count = math.prod(one["shape"])
            if last:
                check(one["parameters"] == {"binary_data_size": 8 * count} and len(tail) >= 8 * count, 400, "malformed")
                shares[one["name"]] = list(struct.unpack(f"<{count}Q", tail[: 8 * count]))
                tail = tail[8 * count :]
            else:
                shares[one["name"]] = expanded(hexadecimal(parameters["crypten_seed"], 32), identifier, name, one["name"], party.index, count)
        check(not tail and bool(places), 400, "malformed")
        if (party.index, client) in self.budget:
            check(rows <= self.budget[party.index, client], 429, "budget")
            self.budget[party.index, client] -= rows
        form = (client, name, request.path, [(one["name"], one["shape"]) for one in document["inputs"]], outputs)
        result, tag = self.together(party, identifier, form, shares, rows)
        described_outputs = []
        data = []
        for output in model.outputs:
            if output["name"] in outputs:
                shape, parts = result[output["name"]]
                described_outputs.append({**output, "shape": shape, "parameters": dict(output["parameters"])})
                data.append(struct.pack(f"<{len(parts[party.index])}Q", *parts[party.index]))
        return {
            "model_name": name, "model_version": model.version, "id": identifier.hex(), "parameters": {"crypten_tag": tag.hex()},
            "outputs": described_outputs,
        }, data

    def together(self, party: FakeParty, identifier: bytes, form: Any, shares: Dict[str, List[int]], rows: int) -> Any:
        """Waits until all parties have the request, and computes once."""
        with self.lock:
            if (party.index, identifier) in self.used:
                raise Refusal(409, "duplicate")
            self.used.add((party.index, identifier))
            here = self.waiting.setdefault(identifier, {})
            here[party.index] = (form, shares)
            self.lock.notify_all()
            if not self.lock.wait_for(lambda: len(here) == len(self.parties), self.patience):
                raise Refusal(504, "incomplete")
            if any(other != form for other, _ in here.values()):
                raise Refusal(409, "mismatch")
            if identifier not in self.results:
                inputs = {
                    name: (dict(form[3])[name], [sum(column) % MODULUS for column in zip(*(part[name] for _, part in here.values()))])
                    for name in shares
                }
                binding = secrets.token_bytes(32)
                tag = hashlib.sha256(b"crypten reply 1" + self.epoch + binding + identifier).digest()
                result = {}
                for name, (shape, words) in self.models[form[1]].function(rows, inputs).items():
                    masks = [[secrets.randbits(64) for _ in words] for _ in self.parties[1:]]
                    result[name] = (shape, masks + [[(word - sum(column)) % MODULUS for word, *column in zip(words, *masks)]])
                self.results[identifier] = (result, tag)
            return self.results[identifier]


def expanded(seed: bytes, identifier: bytes, model: str, name: str, party: int, count: int) -> List[int]:
    def lp(data: bytes) -> bytes:
        return struct.pack("<I", len(data)) + data

    info = b"crypten share 1" + lp(identifier) + lp(model.encode()) + lp(name.encode()) + struct.pack("<I", party)
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(seed)
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(8 * count))
    return list(struct.unpack(f"<{count}Q", stream))


def check(condition: bool, status: int, code: str) -> None:
    if not condition:
        raise Refusal(status, code)


def exactly(document: Dict[str, Any], needed: set[str], allowed: set[str]) -> None:
    check(needed <= set(document) <= needed | allowed, 400, "malformed")


def hexadecimal(text: Any, count: int) -> bytes:
    check(isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{2 * count}}}", text) is not None, 400, "malformed")
    return bytes.fromhex(text)


# HTTPS


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, cell: FakeCell, party: FakeParty) -> None:
        self.cell, self.party = cell, party
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(party.identity.certificate, party.identity.key)
        if cell.clients is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cell.clients.certificate)
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # connections that end are what these tests are about


class Counting:
    """A reader that counts into its party."""

    def __init__(self, file: Any, party: FakeParty) -> None:
        self.file, self.party = file, party

    def read(self, count: int = -1) -> bytes:
        return self.counted(self.file.read(count))

    def readline(self, count: int = -1) -> bytes:
        return self.counted(self.file.readline(count))

    def counted(self, data: bytes) -> bytes:
        self.party.received += len(data)
        return data

    def close(self) -> None:
        self.file.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.party, self.cell = self.server.party, self.server.cell
        try:
            self.request.settimeout(20)
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
            self.party.handshakes += 1
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.party.ended += 1
            raise
        super().setup()
        self.rfile = Counting(self.rfile, self.party)  # type: ignore[assignment]

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.party.ended += 1
            self.request.close()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def client(self) -> str:
        if self.cell.clients is not None:
            shown = self.request.getpeercert(binary_form=True)
            check(hashlib.sha256(shown or b"").hexdigest() == self.cell.clients.fingerprint, 401, "unauthorized")
            return "app"
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        check(scheme == "Bearer" and token in self.party.tokens, 401, "unauthorized")
        return self.party.tokens[token]

    def reply(self, status: int, head: bytes, tail: bytes = b"", binary: bool = False, retry_after: Optional[int] = None) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        if binary:
            self.send_header("Inference-Header-Content-Length", str(len(head)))
        self.send_header("Content-Type", "application/octet-stream" if binary else "application/json")
        self.send_header("Content-Length", str(len(head) + len(tail)))
        self.end_headers()
        self.wfile.write(head + tail)

    def refuse(self, refusal: Refusal) -> None:
        self.reply(
            refusal.status, json.dumps({"error": refusal.sentence, "crypten_code": refusal.code}).encode(), retry_after=refusal.retry_after
        )

    def do_GET(self) -> None:
        self.party.asked.append(f"GET {self.path}")
        if self.party.before and self.party.before(self, self.path):
            return
        try:
            if self.path == "/v2/health/ready":
                return self.reply(200, b"{}")
            self.client()
            self.reply(200, json.dumps(self.cell.metadata(self.party, self.model(r"/v2/models/([^/]+)(?:/versions/([0-9a-f]{16}))?"))).encode())
        except Refusal as refusal:
            self.refuse(refusal)

    def model(self, pattern: str) -> str:
        from urllib.parse import unquote

        match = re.fullmatch(pattern, self.path)
        name = unquote(match.group(1)) if match else ""
        if match is None or name not in self.cell.models or match.group(2) not in (None, self.cell.models[name].version):
            raise Refusal(404, "not_found")
        return name

    def do_POST(self) -> None:
        self.party.asked.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = int(self.headers.get("Inference-Header-Content-Length", len(body)))
        document = json.loads(body[:head])
        request = Request(self.path, dict(self.headers), document, body[head:], self.client_address[1])
        self.party.requests.append(request)
        if self.party.before and self.party.before(self, self.path):
            return
        try:
            client = self.client()
            name = self.model(r"/v2/models/([^/]+)(?:/versions/([0-9a-f]{16}))?/infer")
            reply, data = self.cell.answer(self.party, client, name, request)
        except Refusal as refusal:
            return self.refuse(refusal)
        if self.party.change:
            self.party.change(reply, data)
        if self.party.binary and document["parameters"].get("binary_data_output") is True:
            for output, words in zip(reply["outputs"], data):
                if isinstance(output, dict):
                    output["parameters"].setdefault("binary_data_size", len(words))
            self.reply(200, json.dumps(reply).encode(), b"".join(data), True)
        else:
            for output, words in zip(reply["outputs"], data):
                output["data"] = list(struct.unpack(f"<{len(words) // 8}Q", words))
            self.reply(200, json.dumps(reply).encode())
