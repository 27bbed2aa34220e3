"""Parties that refuse, restart, fall silent or lie: each ends in an error of a named code, or in a new attempt with a new id and new seeds."""
from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import threading
import time
from typing import Any, Callable, Dict, List, Optional

import crypten_client
import numpy as np
import pytest
from crypten_client import (
    Budget, Cell, ConnectionLost, CrypTenError, Forbidden, MalformedReply, MetadataDisagrees, Refused, RepliesDisagree, TimedOut, Unauthorized,
)

from fake import FakeCell, Handler, Refusal, described

ROWS = np.array([[0.5, -0.25, 3.0]])
ANSWER = np.array([[0.5 - 0.75 - 21.0 + 1000 / 65536, -1.0 - 1.25 + 33.0 - 1 / 65536]], dtype=np.float32)


def load(fake: FakeCell, **options: Any) -> Cell:
    return Cell.load(fake.file(), **{"token": fake.tokens(), "timeout": 10.0, **options})


def refusing(*refusals: Optional[Refusal], path: str = "/infer") -> Callable[[Handler, str], bool]:
    """Refuses one request after the other, the last refusal for ever; None lets one through."""
    left = list(refusals)

    def before(handler: Handler, asked: str) -> bool:
        if not asked.endswith(path):
            return False
        refusal = left.pop(0) if len(left) > 1 else left[0]
        if refusal is not None:
            handler.refuse(refusal)
        return refusal is not None

    return before


def all_new(fake: FakeCell) -> None:
    """No id and no seed was used twice."""
    for party in fake.parties:
        ids = [request.document["id"] for request in party.requests]
        assert len(set(ids)) == len(ids)
    seeds = [request.document["parameters"]["crypten_seed"] for party in fake.parties[:-1] for request in party.requests]
    assert len(set(seeds)) == len(seeds)
    tails = [request.tail for request in fake.parties[-1].requests]
    assert len(set(tails)) == len(tails)


# Refusals


@pytest.mark.parametrize("status, code, kind", [
    (400, "malformed", Refused), (400, "needs_shares", Refused), (400, "sharing_version", Refused), (401, "unauthorized", Unauthorized),
    (403, "forbidden", Forbidden), (404, "not_found", Refused), (408, "too_slow", Refused), (409, "duplicate", Refused),
    (409, "mismatch", Refused), (413, "too_large", Refused), (429, "budget", Budget), (418, "later_code", Refused),
])
@pytest.mark.parametrize("refuser", [0, 1])
def test_a_refusal_is_raised_as_the_party_that_refused_says_it(fake: FakeCell, status: int, code: str, kind: type, refuser: int) -> None:
    fake.patience = 0.3 if code == "mismatch" else 6.0  # with the first the other party is waited for
    fake.parties[refuser].before = refusing(Refusal(status, code, "the reason stands here."))
    with load(fake) as cell:
        cell.metadata("linear")
        start = time.monotonic()
        with pytest.raises(CrypTenError, match="the reason stands here") as caught:
            cell.infer("linear", {"x": ROWS})
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.status, caught.value.party) == (code, status, fake.parties[refuser].name)
    assert len(fake.parties[refuser].requests) == (2 if code == "not_found" else 1)  # metadata may be old, so it is read again
    if code not in ("mismatch", "not_found"):
        assert time.monotonic() - start < 4 < fake.patience  # the other party's waiting isn't waited for


def test_an_expired_token_is_unauthorized(fake: FakeCell) -> None:
    with load(fake) as cell:
        cell.infer("linear", {"x": ROWS})
        fake.parties[1].tokens.clear()
        with pytest.raises(Unauthorized, match="the token is new and for this party") as caught:
            cell.infer("linear", {"x": ROWS})
        assert (caught.value.party, caught.value.status) == ("bank", 401)
        assert "token.for" not in str(caught.value)


@pytest.mark.parametrize("other", [Refusal(504, "incomplete"), Refusal(409, "mismatch"), Refusal(503, "busy"), Refusal(409, "epoch")])
@pytest.mark.parametrize("telling", [Refusal(401, "unauthorized"), Refusal(429, "budget"), Refusal(403, "forbidden")])
def test_the_most_telling_refusal_is_raised(fake: FakeCell, other: Refusal, telling: Refusal) -> None:
    def late(handler: Handler, path: str) -> bool:
        if path.endswith("/infer"):
            time.sleep(0.2)  # comes after the other
        return refusing(telling)(handler, path)

    fake.parties[0].before, fake.parties[1].before = refusing(other), late
    with load(fake) as cell:
        with pytest.raises(Refused) as caught:
            cell.infer("linear", {"x": ROWS})
    assert (caught.value.code, caught.value.party) == (telling.code, "bank")


def test_what_a_party_says_is_bounded_and_holds_nothing_like_a_secret(fake: FakeCell) -> None:
    secret = secrets.token_hex(32)
    fake.parties[0].before = refusing(Refusal(403, "forbidden", f"\x1b[2Jyour seed {secret} " + "again and " * 100))
    with load(fake) as cell:
        with pytest.raises(Forbidden) as caught:
            cell.infer("linear", {"x": ROWS})
    assert secret not in str(caught.value) and "\x1b" not in str(caught.value) and len(str(caught.value)) < 600


def test_a_budget_that_is_used_up_is_raised_and_not_asked_again(fake: FakeCell) -> None:
    fake.budget[0, "app"] = 70
    fake.patience = 6.0
    with load(fake) as cell:
        for _ in range(2):
            cell.infer("linear", {"x": np.zeros((32, 3))})
        start = time.monotonic()
        with pytest.raises(Budget, match="ask tomorrow") as caught:
            cell.infer("linear", {"x": np.zeros((7, 3))})
        assert time.monotonic() - start < 4 < fake.patience
        assert (caught.value.party, caught.value.status, len(fake.parties[0].requests)) == ("clinic", 429, 3)
        cell.infer("linear", {"x": np.zeros((6, 3))})


def test_the_cell_of_these_tests_refuses_what_the_specification_refuses(fake: FakeCell) -> None:
    """Or else an answer of it would show little."""
    with load(fake) as cell:
        cell.infer("linear", {"x": ROWS})
    sent = fake.parties[0].requests[0]

    def asked(change: Callable[[Dict[str, Any]], None], token: str = "token.for.clinic") -> str:
        document = json.loads(json.dumps(sent.document))
        change(document)
        connection = http.client.HTTPSConnection("localhost", fake.servers[0].server_address[1], context=ssl._create_unverified_context())
        connection.request("POST", sent.path, json.dumps(document), {"Authorization": f"Bearer {token}"})
        reply = json.loads(connection.getresponse().read())
        connection.close()
        return str(reply["crypten_code"])

    def plain(document: Dict[str, Any]) -> None:
        document["inputs"][0].update(datatype="FP32", data=[0.5, 0.25, 1])
        del document["parameters"]

    fake.patience = 0.05
    assert asked(lambda document: None) == "duplicate"
    assert asked(lambda document: document.update(id="0" * 32)) == "incomplete"
    assert asked(lambda document: document.update(id="A" * 32)) == "malformed"
    assert asked(lambda document: document["parameters"].pop("crypten_seed") and None) == "malformed"
    assert asked(lambda document: document["parameters"].update(crypten_epoch="0" * 32)) == "epoch"
    assert asked(lambda document: document["parameters"].update(crypten_sharing=2)) == "sharing_version"
    assert asked(lambda document: document["inputs"][0].update(data=[1, 2, 3])) == "malformed"
    assert asked(lambda document: document["inputs"][0].update(shape=[33, 3])) == "too_large"
    assert asked(lambda document: document.update(outputs=[{"name": "other"}])) == "forbidden"
    assert asked(lambda document: None, "token.for.bank") == "unauthorized"
    assert asked(plain) == "needs_shares"


# What is asked anew


@pytest.mark.parametrize("refusal", [Refusal(409, "epoch"), Refusal(503, "restarting"), Refusal(504, "incomplete"), Refusal(503, "busy")])
def test_what_may_be_asked_anew_is_with_new_ids_and_seeds(make: Callable[..., FakeCell], refusal: Refusal) -> None:
    fake = make(3)
    fake.patience = 0.2
    fake.parties[1].before = refusing(refusal, refusal, None)
    with load(fake) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
    assert [len(party.requests) for party in fake.parties] == [3, 3, 3]
    all_new(fake)


def test_a_pause_that_a_party_names_is_kept(fake: FakeCell) -> None:
    fake.patience = 0.1
    fake.parties[0].before = refusing(Refusal(503, "restarting", retry_after=1), None)
    with load(fake) as cell:
        start = time.monotonic()
        cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start >= 1
        fake.parties[0].before = refusing(Refusal(503, "restarting", retry_after=30))
        start = time.monotonic()
        with pytest.raises(Refused):  # it would be over after the time limit
            cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start < 5


def test_attempts_are_bounded(fake: FakeCell) -> None:
    fake.parties[0].before = refusing(Refusal(503, "busy"))
    fake.patience = 0.1
    for retries in (0, 1):
        fake.parties[0].requests.clear()
        with load(fake, retries=retries) as cell:
            with pytest.raises(Refused, match="ask again later") as caught:
                cell.infer("linear", {"x": ROWS})
        assert caught.value.code == "busy"
        assert len(fake.parties[0].requests) == 1 + retries


def test_an_epoch_that_ends_between_metadata_and_question_is_asked_for_anew(fake: FakeCell) -> None:
    with load(fake) as cell:
        old = cell.metadata("linear").epoch
        fake.epoch = secrets.token_bytes(16)
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
    for party in fake.parties:
        epochs = [request.document["parameters"]["crypten_epoch"] for request in party.requests]
        assert epochs == [old, fake.epoch.hex()]
    all_new(fake)


def test_parties_that_restart_one_after_the_other_are_asked_again(fake: FakeCell) -> None:
    readings: List[int] = []

    def old(document: Dict[str, Any]) -> None:
        readings.append(1)
        if len(readings) == 1:
            document["parameters"]["crypten_epoch"] = "00" * 16

    fake.parties[0].describe = old
    with load(fake) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
    assert len(readings) == 2


def test_a_model_that_was_exchanged_is_asked_anew_in_its_new_form(fake: FakeCell) -> None:
    with load(fake) as cell:
        cell.infer("linear", {"x": ROWS})
        fake.models["linear"].version = "f" * 16
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
        with pytest.raises(Refused) as caught:
            cell.infer("linear", {"x": ROWS}, version="0123456789abcdef")
    assert caught.value.code == "not_found"
    all_new(fake)


def test_a_model_that_is_exchanged_between_rows_is_an_error(fake: FakeCell) -> None:
    def exchange(handler: Handler, path: str) -> bool:
        if len(fake.parties[0].requests) == 2:
            fake.models["linear"].version = "f" * 16
        return False

    fake.parties[0].before = exchange
    with load(fake) as cell:
        with pytest.raises(CrypTenError, match="changed while its rows were asked") as caught:
            cell.infer("linear", {"x": np.zeros((40, 3))})
    assert caught.value.code == "model_changed"


def closing(times: int, after: Optional[bytes] = None) -> Callable[[Handler, str], bool]:
    """Ends the connection, `times` times, before the reply or within it."""
    left = [times]

    def before(handler: Handler, path: str) -> bool:
        if not path.endswith("/infer") or left[0] == 0:
            return False
        left[0] -= 1
        if after is not None:
            handler.wfile.write(after)
        handler.close_connection = True
        handler.request.shutdown(socket.SHUT_RDWR)
        return True

    return before


PARTS = [
    None, b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"model_name\"",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{",
]


@pytest.mark.parametrize("after", PARTS, ids=["nothing", "status", "header", "body", "chunk"])
def test_a_party_that_ends_the_connection_within_its_reply_is_asked_anew(fake: FakeCell, after: Optional[bytes]) -> None:
    fake.patience = 0.2
    fake.parties[1].before = closing(1, after)
    with load(fake) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
        all_new(fake)
        fake.parties[1].before = closing(9, after)
        with pytest.raises(CrypTenError) as caught:
            cell.infer("linear", {"x": ROWS})
    assert caught.value.party == "bank"
    assert isinstance(caught.value, ConnectionLost) and caught.value.code == "lost"
    all_new(fake)


def test_a_party_that_cant_be_reached_is_named(fake: FakeCell) -> None:
    fake.servers[1].shutdown()
    fake.servers[1].server_close()
    with load(fake, retries=1) as cell:
        with pytest.raises(ConnectionLost, match="party 'bank' can't be reached at https://localhost") as caught:
            cell.infer("linear", {"x": ROWS})
    assert caught.value.code == "lost"


# Time


def hanging(released: threading.Event, first: bytes = b"", drip: bytes = b"") -> Callable[[Handler, str], bool]:
    def before(handler: Handler, path: str) -> bool:
        if path.endswith("/infer"):
            handler.wfile.write(first)
            while not released.wait(0.05) and drip:
                handler.wfile.write(drip)
            released.wait(15)
            handler.close_connection = True
            return True
        return False

    return before


SLOW = [
    (b"", b""), (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"x"), (b"HTTP/1.1 200 OK\r\n", b"X-Header: 1\r\n"),
    (b"", b"HTTP/1.1 100 Go on\r\n\r\n"),
]


@pytest.mark.parametrize("first, drip", SLOW, ids=["silent", "body", "headers", "continues"])
@pytest.mark.parametrize("upload", [10, 40_000_000], ids=["short", "unread"])
def test_a_connection_alone_keeps_the_time_limit(fake: FakeCell, first: bytes, drip: bytes, upload: int) -> None:
    """Below the limit that a cell puts on all of its parties."""
    released = threading.Event()

    class Hanging(Handler):
        def do_POST(self) -> None:
            hanging(released, first, drip)(self, "/infer")

    fake.servers[0].RequestHandlerClass = Hanging
    with load(fake) as cell:
        link, deadline = cell._links[0], time.monotonic() + 0.6
        connection = link.connect(deadline)
        with pytest.raises(TimedOut, match="while waiting for party 'clinic'"):
            link.exchange(connection, "POST", "/infer", {}, bytes(upload), 1 << 20)
        assert time.monotonic() < deadline + 3
        released.set()


@pytest.mark.parametrize("first, drip", SLOW, ids=["silent", "body", "headers", "continues"])
def test_a_party_that_hangs_ends_in_the_time_limit(fake: FakeCell, first: bytes, drip: bytes) -> None:
    released = threading.Event()
    for party in fake.parties:  # or else the other one answers `incomplete` first
        party.before = hanging(released, first, drip)
    with load(fake, timeout=0.8) as cell:
        cell.metadata("linear")
        start = time.monotonic()
        with pytest.raises(CrypTenError) as caught:
            cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start < 4
        released.set()
    assert isinstance(caught.value, TimedOut) and caught.value.code == "timeout"


def test_a_party_that_hangs_alone_is_named_when_the_others_give_up(fake: FakeCell) -> None:
    released = threading.Event()
    fake.patience = 0.1
    fake.parties[0].before = hanging(released)
    with load(fake, retries=0) as cell:
        start = time.monotonic()
        with pytest.raises(ConnectionLost, match="party 'clinic' hadn't answered") as caught:
            cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start < 8
        released.set()
    assert caught.value.party == "clinic"


@pytest.mark.parametrize("what", ["accepts", "doesn't accept"])
def test_a_party_that_makes_no_handshake_ends_in_the_time_limit(fake: FakeCell, what: str) -> None:
    silent = socket.create_server(("127.0.0.1", 0), backlog=0 if what == "doesn't accept" else 5)
    fillers = []
    if what == "doesn't accept":  # the queue of the listener is full, so that connecting itself takes for ever
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(silent.getsockname())
            fillers.append(filler)
    fake.parties[1].url = f"https://127.0.0.1:{silent.getsockname()[1]}"
    with load(fake, timeout=0.5) as cell:
        start = time.monotonic()
        with pytest.raises(TimedOut, match="while connecting to party 'bank'"):
            cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start < 4
    for one in [silent, *fillers]:
        one.close()


def test_a_name_server_that_hangs_ends_in_the_time_limit(fake: FakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    with load(fake, timeout=0.4) as cell:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: threading.Event().wait(8))
        start = time.monotonic()
        with pytest.raises(TimedOut):
            cell.infer("linear", {"x": ROWS})
        assert time.monotonic() - start < 5


# Replies that aren't


def test_differing_tags_give_no_answer(fake: FakeCell) -> None:
    def change(document: Dict[str, Any], data: List[bytes]) -> None:
        document["parameters"]["crypten_tag"] = "0" * 64

    fake.parties[1].change = change
    with load(fake) as cell:
        with pytest.raises(RepliesDisagree, match="tags differ") as caught:
            cell.infer("linear", {"x": ROWS})
    assert caught.value.code == "replies_disagree"
    assert len(fake.parties[0].requests) == 1


def test_a_truth_value_that_is_none_is_an_error(fake: FakeCell) -> None:
    def change(document: Dict[str, Any], data: List[bytes]) -> None:
        data[2] = bytes([data[2][0] ^ 128]) + data[2][1:]

    fake.parties[0].change = change
    with load(fake) as cell:
        with pytest.raises(RepliesDisagree, match=r"'first' of model 'Größen-日本' isn't 0 or 1 at index \(0,\)"):
            cell.infer("Größen-日本", {"real": np.zeros((1, 2, 2)), "größe": np.zeros(1, dtype=np.int64), "flags": np.zeros((1, 2), dtype=np.bool_)})


def test_parties_with_different_outputs_give_no_answer(fake: FakeCell) -> None:
    def change(document: Dict[str, Any], data: List[bytes]) -> None:
        del document["outputs"][0], data[0]

    fake.parties[0].change = change
    with load(fake) as cell:
        with pytest.raises(RepliesDisagree, match="differ in output 'double'"):
            cell.infer("Größen-日本", {"real": np.zeros((1, 2, 2)), "größe": np.zeros(1, dtype=np.int64), "flags": np.zeros((1, 2), dtype=np.bool_)})


def put(*path: Any, value: Any) -> Callable[[Dict[str, Any], List[bytes]], None]:
    def change(document: Any, data: List[bytes]) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def shorter(document: Dict[str, Any], data: List[bytes]) -> None:
    document["outputs"][0]["parameters"]["binary_data_size"] = 16
    data[0] = data[0][:8]


def longer(document: Dict[str, Any], data: List[bytes]) -> None:
    document["outputs"][0]["parameters"]["binary_data_size"] = 16
    data[0] += bytes(8)


def twice(document: Dict[str, Any], data: List[bytes]) -> None:
    document["outputs"].append(document["outputs"][0])
    data.append(data[0])


CHANGES = {
    "id": put("id", value="0" * 32), "model": put("model_name", value="other"), "version": put("model_version", value="0" * 16),
    "no tag": put("parameters", value={}), "tag": put("parameters", "crypten_tag", value="xyz"), "parameters": put("parameters", value=[]),
    "outputs": put("outputs", value={}), "no outputs": put("outputs", value=[]), "output": put("outputs", 0, value=7),
    "name": put("outputs", 0, "name", value="other"), "datatype": put("outputs", 0, "datatype", value="FP32"),
    "shape": put("outputs", 0, "shape", value=[1, 3]), "rows": put("outputs", 0, "shape", value=[2, 2]), "axes": put("outputs", 0, "shape", value=[2]),
    "negative": put("outputs", 0, "shape", value=[-1, 2]), "huge": put("outputs", 0, "shape", value=[1, 2**60]),
    "bits": put("outputs", 0, "parameters", "crypten_fraction_bits", value=8), "type": put("outputs", 0, "parameters", "crypten_type", value="FP64"),
    "size": put("outputs", 0, "parameters", "binary_data_size", value=8), "shorter": shorter, "longer": longer, "twice": twice,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_replies_of_another_form_are_refused(fake: FakeCell, change: Callable[[Dict[str, Any], List[bytes]], None]) -> None:
    fake.parties[1].change = change
    with load(fake) as cell:
        with pytest.raises(MalformedReply, match="the reply of party 'bank' can't be used") as caught:
            cell.infer("linear", {"x": ROWS})
    assert (caught.value.code, caught.value.party, len(fake.parties[1].requests)) == ("malformed_reply", "bank", 1)


def saying(raw: bytes) -> Callable[[Handler, str], bool]:
    def before(handler: Handler, path: str) -> bool:
        if path.endswith("/infer"):
            handler.wfile.write(raw)
            handler.close_connection = True
            return True
        return False

    return before


def replying(body: bytes, status: int = 200, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Such", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


DATA = '"outputs": [{"name": "scores", "shape": [1, 2], "datatype": "UINT64", "data": %s, "parameters": {"crypten_type": "FP32", "crypten_fraction_bits": 16}}]'
RAW = {
    "no HTTP": b"220 mail.example ESMTP\r\n", "empty": replying(b""), "no JSON": replying(b"{"), "latin": replying(b'{"error": "\xe9"}'), "list": replying(b"[]"),
    "deep": replying(b"[" * 100_000), "constant": replying(b'{"id": NaN}'), "digits": replying(b'{"id": ' + b"1" * 20_000 + b"}"),
    "head": replying(b"{}", 200, "Inference-Header-Content-Length: 3"), "signed head": replying(b"{}", 200, "Inference-Header-Content-Length: -1"),
    "no length": b"HTTP/1.1 200 OK\r\n\r\n{}", "redirect": replying(b"", 302, "Location: https://elsewhere.example"),
    "proxy": replying(b"<html>Bad Gateway</html>", 502), "code": replying(b'{"error": "x", "crypten_code": "A B"}', 400),
    "no code": replying(b'{"error": "x"}', 400), "headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "line": b"HTTP/1.1 200 " + b"O" * 100_000,
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_replies_that_are_none_are_refused(fake: FakeCell, raw: bytes) -> None:
    fake.parties[0].before = saying(raw)
    with load(fake, retries=0) as cell:
        with pytest.raises(MalformedReply, match="the reply of party 'clinic' can't be used"):
            cell.infer("linear", {"x": ROWS})
    assert len(fake.parties[0].requests) == 1


@pytest.mark.parametrize("data", ["[1]", "[1, 2, 3]", "[1, -1]", "[1, 18446744073709551616]", "[1, 2.0]", "[1, true]", '["1", "2"]', "[[1, 2]]", "null", "{}"])
def test_words_in_json_are_checked(fake: FakeCell, data: str) -> None:
    def before(handler: Handler, path: str) -> bool:
        if not path.endswith("/infer"):
            return False
        identifier = handler.party.requests[-1].document["id"]
        head = f'{{"model_name": "linear", "model_version": "0123456789abcdef", "id": "{identifier}", "parameters": {{"crypten_tag": "{"a" * 64}"}}, '
        handler.reply(200, (head + DATA % data + "}").encode())
        return True

    fake.parties[1].before = before
    with load(fake) as cell:
        with pytest.raises(MalformedReply, match="the reply of party 'bank' can't be used"):
            cell.infer("linear", {"x": ROWS})


@pytest.mark.parametrize("form", ["length", "chunks", "refusal", "metadata"])
def test_replies_that_are_too_long_are_cut_off(fake: FakeCell, form: str) -> None:
    sent = [0]

    def before(handler: Handler, path: str) -> bool:
        if path.endswith("/infer") == (form == "metadata"):
            return False
        status = 403 if form == "refusal" else 200
        if form == "length":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        else:
            handler.wfile.write(b"HTTP/1.1 %d Such\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        try:
            while sent[0] < 100_000_000:
                piece = b" " * 65536
                handler.wfile.write(piece if form == "length" else b"10000\r\n" + piece + b"\r\n")
                sent[0] += len(piece)
        except OSError:
            pass
        handler.close_connection = True
        return True

    fake.parties[0].before = before
    with load(fake, retries=0) as cell:
        with pytest.raises(MalformedReply, match="longer than [0-9]+ bytes"):
            cell.infer("linear", {"x": ROWS})
    assert sent[0] < 20_000_000


def test_a_refusal_before_the_upload_has_ended_is_read(fake: FakeCell) -> None:
    class Refusing(Handler):
        def do_POST(self) -> None:
            self.refuse(Refusal(413, "too_large"))
            self.close_connection = True
            self.request.settimeout(0.3)
            try:  # what is on its way is read, so that the refusal isn't overtaken by a reset
                while self.request.recv(1 << 16):
                    pass
            except OSError:
                pass

    fake.models["linear"].rows = 200_000
    fake.servers[1].RequestHandlerClass = Refusing
    with load(fake) as cell:
        with pytest.raises(Refused) as caught:
            cell.infer("linear", {"x": np.zeros((200_000, 3))})
    assert (caught.value.code, caught.value.party) == ("too_large", "bank")


# Metadata


def describing(*path: Any, value: Any) -> Callable[[Dict[str, Any]], None]:
    change = put(*path, value=value)
    return lambda document: change(document, [])


@pytest.mark.parametrize("describe", [
    describing("inputs", 0, "parameters", "crypten_range", value=[-5, 4]), describing("parameters", "crypten_rows", value=16),
    describing("versions", value=["f" * 16]), describing("outputs", 0, "parameters", "crypten_fraction_bits", value=20),
    describing("parameters", "something_else", value=1), describing("platform", value="other"),
])
def test_parties_that_describe_a_model_differently_are_not_asked(fake: FakeCell, describe: Callable[[Dict[str, Any]], None]) -> None:
    fake.parties[1].describe = describe
    with load(fake) as cell:
        with pytest.raises(MetadataDisagrees, match="say different things of model 'linear'"):
            cell.infer("linear", {"x": ROWS})
    assert all(not party.requests for party in fake.parties)


@pytest.mark.parametrize("key, value", [("crypten_party", 0), ("crypten_parties", 3), ("crypten_party_name", "clinic")])
def test_parties_that_are_others_than_the_file_says_are_not_asked(fake: FakeCell, key: str, value: Any) -> None:
    fake.parties[1].describe = describing("parameters", key, value=value)
    with load(fake) as cell:
        with pytest.raises(MetadataDisagrees, match=f"party 'bank' has another {key}"):
            cell.infer("linear", {"x": ROWS})


METADATA = {
    "name": describing("name", value="other"), "cell": describing("parameters", "crypten_cell", value="other"),
    "epoch": describing("parameters", "crypten_epoch", value="00"), "rows": describing("parameters", "crypten_rows", value=0),
    "versions": describing("versions", value=[]), "version": describing("versions", value=["../../other"]), "inputs": describing("inputs", value=[]),
    "endless": describing("inputs", 0, "parameters", "crypten_range", value=[0, 10**308 * 2]), "number": describing("parameters", "crypten_rows", value=10**500),
    "places": describing("inputs", value=[
        described("x", "FP32", [-1, 3], 16, shapes=[[-1, 3]]), described("y", "FP32", [-1, 3], 16, shapes=[[-1, 3], [-1, 4]]),
    ]),
    "type": describing("inputs", 0, "parameters", "crypten_type", value="FP16"), "bits": describing("inputs", 0, "parameters", "crypten_fraction_bits", value=64),
    "no bits": describing("inputs", 0, "parameters", "crypten_fraction_bits", value=None), "datatype": describing("inputs", 0, "datatype", value="FP32"),
    "range": describing("inputs", 0, "parameters", "crypten_range", value=[4, -4]), "limit": describing("inputs", 0, "parameters", "crypten_range", value=["-4", 4]),
    "shapes": describing("inputs", 0, "parameters", "crypten_shapes", value=[]), "no rows": describing("inputs", 0, "parameters", "crypten_shapes", value=[[3]]),
    "two rows": describing("inputs", 0, "parameters", "crypten_shapes", value=[[-1, -1]]), "pad": describing("inputs", 0, "parameters", "crypten_pad", value=1e18),
    "shape": describing("outputs", 0, "shape", value=[-1, -2]),
}


@pytest.mark.parametrize("describe", METADATA.values(), ids=METADATA.keys())
def test_metadata_of_another_form_is_refused(fake: FakeCell, describe: Callable[[Dict[str, Any]], None]) -> None:
    for party in fake.parties:
        party.describe = describe
    with load(fake) as cell:
        with pytest.raises(MalformedReply, match="the reply of party 'clinic' can't be used"):
            cell.infer("linear", {"x": ROWS})
    assert all(not party.requests for party in fake.parties)


def test_ranges_may_be_as_wide_as_doubles_are(fake: FakeCell) -> None:
    for party in fake.parties:
        party.describe = describing("inputs", 0, "parameters", "crypten_range", value=[-1.7976931348623157e308, int(1.7976931348623157e308)])
    with load(fake) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], ANSWER)
        with pytest.raises(crypten_client.InvalidInput, match="must fit into 64 bits"):
            cell.infer("linear", {"x": 1e300 * ROWS})


def test_metadata_cant_make_the_client_allocate_without_bound(fake: FakeCell) -> None:
    for party in fake.parties:
        party.describe = describing("inputs", 0, "parameters", "crypten_shapes", value=[[-1, 2], [-1, 2**39]])
    with load(fake) as cell:
        with pytest.raises(crypten_client.InvalidInput, match="words with its padding"):
            cell.infer("linear", {"x": ROWS})


def test_another_way_of_sharing_is_refused(fake: FakeCell) -> None:
    for party in fake.parties:
        party.describe = describing("parameters", "crypten_sharing", value=2)
    with load(fake) as cell:
        with pytest.raises(CrypTenError, match="install the client that belongs") as caught:
            cell.infer("linear", {"x": ROWS})
    assert caught.value.code == "sharing_version"


