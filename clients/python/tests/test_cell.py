"""Questions to whole cells, which hold them strictly against the specification: answers, rows, padding, identities, connections."""
from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
from crypten_client import (
    Canaries, Cell, Configuration, IdentityMismatch, InvalidInput, MalformedReply, Model, Party, Unauthorized, _round
)

from fake import BIAS, WEIGHTS, FakeCell, Handler, identity

Make = Callable[..., FakeCell]


def load(fake: FakeCell, **options: Any) -> Cell:
    return Cell.load(fake.file(), **{"token": fake.tokens(), "timeout": 10.0, **options})


def scores(x: Any) -> Any:
    """What model `linear` makes of rows: exact, for the encoding is a whole number."""
    return (_round(np.asarray(x), 16) @ np.array(WEIGHTS) + BIAS) / 65536


ROWS = np.array([[0.5, -0.25, 3.99], [1 / 3, -4.0, 4.0]], dtype=np.float64)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_a_linear_model_answers_exactly(make: Make, parties: int, binary: bool) -> None:
    fake = make(parties)
    for party in fake.parties:
        party.binary = binary
    with load(fake) as cell:
        answer = cell.infer("linear", {"x": ROWS})
    assert set(answer) == {"scores"}
    assert answer["scores"].dtype == np.float32 and answer["scores"].shape == (2, 2)
    np.testing.assert_array_equal(answer["scores"], scores(ROWS).astype(np.float32))
    assert all(len(party.requests) == 1 for party in fake.parties)


@pytest.mark.parametrize("parties", [2, 3])
def test_all_types_and_names_outside_ascii(make: Make, parties: int) -> None:
    fake = make(parties)
    real = np.linspace(-1000.5, 1000.5, 8).reshape(2, 2, 2)
    whole = np.array([-(10**15), 10**15 - 1])
    flags = np.array([[True, False], [False, True]])
    with load(fake) as cell:
        answer = cell.infer("Größen-日本", {"real": real, "größe": whole, "flags": flags})
        assert [(name, str(values.dtype)) for name, values in answer.items()] == [("double", "float64"), ("triple", "int64"), ("first", "bool")]
        np.testing.assert_array_equal(answer["double"], 2 * _round(real, 24) / 2**24)
        np.testing.assert_array_equal(answer["triple"], 3 * whole)
        np.testing.assert_array_equal(answer["first"], flags[:, 0])
        some = cell.infer("Größen-日本", {"real": real, "größe": whole, "flags": flags}, outputs=["triple"])
        assert set(some) == {"triple"}
    assert fake.parties[0].requests[1].document["outputs"] == [{"name": "triple"}]
    assert "outputs" not in fake.parties[0].requests[0].document


def test_lists_and_small_dtypes_are_taken(fake: FakeCell) -> None:
    with load(fake) as cell:
        for rows in ([[1, 2, 3]], np.array([[1, 2, 3]], dtype=np.uint8), np.array([[1, 2, 3]], dtype=np.float16), np.array([[1.0, 2, 3]], order="F")):
            np.testing.assert_array_equal(cell.infer("linear", {"x": rows})["scores"], scores([[1, 2, 3]]).astype(np.float32))


def test_more_rows_than_allowed_become_several_requests_with_ids_and_seeds_of_their_own(make: Make) -> None:
    fake = make(3)
    x = np.random.default_rng(1).uniform(-4, 4, (70, 3))
    with load(fake) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": x})["scores"], scores(x).astype(np.float32))
    for party in fake.parties:
        assert [request.document["inputs"][0]["shape"] for request in party.requests] == [[32, 3], [32, 3], [6, 3]]
        assert len({request.document["id"] for request in party.requests}) == 3
    seeds = {request.document["parameters"]["crypten_seed"] for party in fake.parties[:2] for request in party.requests}
    assert len(seeds) == 6


def test_inputs_are_padded_to_the_first_shape_that_holds_them(fake: FakeCell) -> None:
    with load(fake) as cell:
        for length, room in ((1, 4), (4, 4), (5, 8), (9, 16), (16, 16)):
            tokens = np.arange(6 * length).reshape(6, length)
            answer = cell.infer("text", {"tokens": tokens})
            np.testing.assert_array_equal(answer["room"], [room] * 6)
            np.testing.assert_array_equal(answer["sum"], tokens.sum(axis=1) + 7 * (room - length))
        with pytest.raises(InvalidInput, match=r"input 'tokens' has shape \(1, 17\).*never cut"):
            cell.infer("text", {"tokens": np.zeros((1, 17), dtype=np.int64)})


def test_inputs_of_one_model_are_padded_together(fake: FakeCell) -> None:
    with load(fake) as cell:
        for lengths in ((3, 3), (3, 7), (9, 2), (4, 16)):
            tokens, kept = np.arange(2 * lengths[0]).reshape(2, -1), np.ones((2, lengths[1]), dtype=np.int64)
            shared = min(lengths)
            beyond = 7 * max(0, lengths[1] - lengths[0])  # tokens that are padding, and kept
            answer = cell.infer("masked text", {"tokens": tokens, "kept": kept})
            np.testing.assert_array_equal(answer["sum"], tokens[:, :shared].sum(axis=1) + beyond)
            one, other = (one["shape"] for one in fake.parties[0].requests[-1].document["inputs"])
            assert one == other == [2, next(room for room in (4, 8, 16) if room >= max(lengths))]


def test_a_model_that_mixes_its_rows_takes_certain_numbers_of_them_and_is_never_asked_in_parts(fake: FakeCell) -> None:
    def describing(counts: Any) -> Callable[[Dict[str, Any]], None]:
        return lambda document: document["parameters"].update(crypten_row_counts=counts)

    def rows(count: int) -> Any:
        return np.tile(ROWS, (count, 1))[:count]

    for party in fake.parties:
        party.describe = describing([2, 5])
    with load(fake) as cell:
        assert cell.metadata("linear").row_counts == (2, 5)
        for count in (1, 3, 4, 6, 33, 64):
            with pytest.raises(InvalidInput, match=rf"^{count} rows don't fit model 'linear', which mixes its rows and takes 2 or 5 at once: ask"):
                cell.infer("linear", {"x": rows(count)})
        assert all(not party.requests for party in fake.parties)
        for count in (2, 5):
            np.testing.assert_array_equal(cell.infer("linear", {"x": rows(count)})["scores"], scores(rows(count)).astype(np.float32))
        known = Canaries({"x": ROWS}, {"scores": scores(ROWS)}, tolerance=1e-4)
        assert cell.infer("linear", {"x": rows(3)}, canaries=known)["scores"].shape == (3, 2)
        with pytest.raises(InvalidInput, match="^7 rows, canaries included, don't fit"):
            cell.infer("linear", {"x": rows(5)}, canaries=known)
        assert [request.document["inputs"][0]["shape"][0] for request in fake.parties[0].requests] == [2, 5, 5]
        for odd in ([], [0], [33], ["2"], 2, [True]):
            for party in fake.parties:
                party.describe = describing(odd)
            with pytest.raises(MalformedReply, match="crypten_row_counts"):
                cell.metadata("linear")


def test_metadata_is_read_once_and_anew_when_asked_for(fake: FakeCell) -> None:
    with load(fake) as cell:
        for _ in range(3):
            cell.infer("linear", {"x": ROWS})
        assert [asked for asked in fake.parties[0].asked if asked.startswith("GET")] == ["GET /v2/models/linear"]
        assert fake.parties[0].asked.count("POST /v2/models/linear/versions/0123456789abcdef/infer") == 3
        described = cell.metadata("linear")
        assert isinstance(described, Model) and described.inputs[0].range == (-4, 4) and described.rows == 32
        assert fake.parties[0].asked.count("GET /v2/models/linear") == 2
        np.testing.assert_array_equal(
            cell.infer("linear", {"x": ROWS}, version="0123456789abcdef")["scores"], scores(ROWS).astype(np.float32)
        )
        assert "GET /v2/models/linear/versions/0123456789abcdef" in fake.parties[0].asked


def test_connections_are_used_again(fake: FakeCell) -> None:
    with load(fake) as cell:
        for _ in range(5):
            cell.infer("linear", {"x": ROWS})
        assert [party.handshakes for party in fake.parties] == [1, 1]
    cell.infer("linear", {"x": ROWS})  # it was closed, and can be used again
    assert [party.handshakes for party in fake.parties] == [2, 2]
    cell.close()


def test_a_connection_that_the_party_has_ended_meanwhile_costs_no_attempt(fake: FakeCell) -> None:
    def closing(handler: Handler, path: str) -> bool:
        handler.close_connection = True  # without saying so in the reply
        return False

    fake.parties[1].before = closing
    with load(fake, retries=0) as cell:
        for _ in range(3):
            cell.infer("linear", {"x": ROWS})
            time.sleep(0.3)
    assert fake.parties[1].handshakes == 4 and fake.parties[0].handshakes == 1


def test_threads_share_a_cell(fake: FakeCell) -> None:
    wrong: List[str] = []

    def ask(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(5):
            x = generator.uniform(-4, 4, (3, 3))
            if not np.array_equal(cell.infer("linear", {"x": x})["scores"], scores(x).astype(np.float32)):
                wrong.append(f"seed {seed}")

    with load(fake) as cell:
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert len({request.document["id"] for request in fake.parties[0].requests}) == 30
    assert fake.parties[0].handshakes <= 6


def test_ready_is_said_by_all(fake: FakeCell) -> None:
    def starting(handler: Handler, path: str) -> bool:
        handler.reply(503, json.dumps({"error": "there is no session.", "crypten_code": "restarting"}).encode())
        return True

    with load(fake) as cell:
        assert cell.ready()
        fake.parties[1].before = starting
        assert not cell.ready()


# Identities


def test_a_client_is_known_by_its_certificate(make: Make, tmp_path: Path) -> None:
    app = identity(tmp_path, "app")
    fake = make(2, clients=app)
    with Cell.load(fake.file(), certificate=app.certificate, key=app.key, timeout=10) as cell:
        np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], scores(ROWS).astype(np.float32))
    assert "Authorization" not in fake.parties[0].requests[0].headers
    other = identity(tmp_path, "other")
    with Cell.load(fake.file(), certificate=other.certificate, key=other.key, timeout=10) as cell:
        with pytest.raises(Unauthorized, match="doesn't take this client's certificate") as caught:
            cell.infer("linear", {"x": ROWS})
    assert caught.value.code == "unauthorized" and caught.value.party in ("clinic", "bank")


def test_tokens_are_asked_for_each_party_and_request(fake: FakeCell) -> None:
    asked: List[str] = []

    def token(party: str) -> str:
        asked.append(party)
        return fake.tokens()[party]

    with load(fake, token=token) as cell:
        cell.infer("linear", {"x": ROWS})
    assert asked == ["clinic", "bank", "clinic", "bank"]
    for party in fake.parties:  # no party is sent another's
        assert {request.headers["Authorization"] for request in party.requests} == {f"Bearer token.for.{party.name}"}


def test_several_fingerprints_are_good_at_once(fake: FakeCell) -> None:
    colons = ":".join(fake.parties[0].identity.fingerprint.upper()[index : index + 2] for index in range(0, 64, 2))
    file = fake.file(clinic={"fingerprint": ["0" * 64, colons]})
    with Cell.load(file, token=fake.tokens(), timeout=10) as cell:
        cell.infer("linear", {"x": ROWS})


def test_nothing_but_the_handshake_reaches_who_has_another_fingerprint(fake: FakeCell) -> None:
    file = fake.file(bank={"fingerprint": "ab" * 32})
    with Cell.load(file, token=fake.tokens(), timeout=10) as cell:
        with pytest.raises(IdentityMismatch, match="isn't one of party 'bank'") as caught:
            cell.infer("linear", {"x": ROWS})
        assert caught.value.code == "identity" and caught.value.party == "bank"
        impostor = fake.parties[1]
        until = time.monotonic() + 5
        while impostor.ended < 1 and time.monotonic() < until:
            time.sleep(0.01)
        assert impostor.handshakes == impostor.ended == 1
        assert impostor.received == 0


def test_no_party_gets_a_share_while_another_is_not_who_it_should_be(fake: FakeCell) -> None:
    with load(fake) as cell:
        cell.infer("linear", {"x": ROWS})  # metadata is known from here on
        cell.close()
        right = cell._links[1].party
        cell._links[1].party = Party(right.name, right.url, ("cd" * 32,))
        before = [(len(party.requests), party.received) for party in fake.parties]
        with pytest.raises(IdentityMismatch):
            cell.infer("linear", {"x": ROWS})
        time.sleep(0.2)
        assert [(len(party.requests), party.received) for party in fake.parties] == before


def test_authorities_are_taken_instead_of_fingerprints(make: Make, tmp_path: Path) -> None:
    old, authority = identity(tmp_path, "old authority"), identity(tmp_path, "authority")
    fake = make(2, authority=authority)
    for given in (authority.pem, [old.pem, authority.pem], authority.certificate.name):
        changes: Dict[str, Any] = {name: {"fingerprint": None, "authority": given} for name in ("clinic", "bank")}
        with Cell.load(fake.file(**changes), token=fake.tokens(), timeout=10) as cell:
            np.testing.assert_array_equal(cell.infer("linear", {"x": ROWS})["scores"], scores(ROWS).astype(np.float32))


@pytest.mark.parametrize("fault", ["authority", "host"])
def test_who_has_no_certificate_of_the_authority_for_this_host_gets_nothing(make: Make, tmp_path: Path, fault: str) -> None:
    authority, other = identity(tmp_path, "authority"), identity(tmp_path, "other")
    fake = make(2, authority=authority)
    if fault == "host":
        elsewhere = identity(tmp_path, "bank", ("bank.example",), authority)
        fake.servers[1].context.load_cert_chain(elsewhere.certificate, elsewhere.key)
    file = fake.file(bank={"fingerprint": None, "authority": (other if fault == "authority" else authority).pem})
    with Cell.load(file, token=fake.tokens(), timeout=10) as cell:
        with pytest.raises(IdentityMismatch, match="authority of party 'bank'"):
            cell.infer("linear", {"x": ROWS})
    time.sleep(0.1)
    assert fake.parties[1].received == 0


def test_two_parties_with_one_certificate_get_nothing(make: Make, tmp_path: Path) -> None:
    authority = identity(tmp_path, "authority")
    fake = make(2, authority=authority)
    one = fake.parties[0].identity
    fake.servers[1].context.load_cert_chain(one.certificate, one.key)
    changes: Dict[str, Any] = {name: {"fingerprint": None, "authority": authority.pem} for name in ("clinic", "bank")}
    with Cell.load(fake.file(**changes), token=fake.tokens(), timeout=10) as cell:
        with pytest.raises(IdentityMismatch, match="one certificate"):
            cell.infer("linear", {"x": ROWS})
    assert all(not party.requests for party in fake.parties)


# The file of a cell


def entry(name: str, **changes: Any) -> Dict[str, Any]:
    made = {"name": name, "url": f"https://{name}.example:8443", "fingerprint": {"a": "a", "b": "b"}[name] * 64, **changes}
    return {key: value for key, value in made.items() if value is not None}


@pytest.mark.parametrize(
    "document, message",
    [
        ("no json", "no file of a cell"),
        ({"cell": "bank"}, "parties is no list"),
        ({"cell": "", "parties": []}, "cell isn't the text"),
        ({"cell": "bank", "parties": [entry("a")]}, "two parties at least"),
        ({"cell": "bank", "parties": [entry("a"), entry("a", url="https://other", fingerprint="c" * 64)]}, "one name a"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", url="https://a.example:8443/door")]}, "one address"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", fingerprint=["b" * 64, "a" * 64])]}, "one fingerprint aaaa-"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", url="http://b.example")]}, "url of party 'b'"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", url="https://me:secret@b.example")]}, "url of party 'b'"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", url="https://b.example:99999")]}, "url of party 'b'"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", fingerprint="b" * 63)]}, "fingerprint of party 'b'"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", fingerprint=None)]}, "party 'b' needs either"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", authority="-----BEGIN CERTIFICATE-----")]}, "party 'b' needs either"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", fingerprint=None, authority="-----BEGIN CERTIFICATE-----")]}, "authority of party 'b'"),
        ({"cell": "bank", "parties": [entry("a"), entry("b", fingerprint=None, authority="none.pem")]}, "none.pem can't be read"),
    ],
)
def test_files_that_describe_no_cell_are_refused(tmp_path: Path, document: Any, message: str) -> None:
    path = tmp_path / "cell.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises(Configuration, match=message):
        Cell.load(path, token={})


def test_clients_without_certificate_or_token_are_refused(fake: FakeCell, tmp_path: Path) -> None:
    app = identity(tmp_path, "app")
    with pytest.raises(Configuration, match="certificate= and key="):
        Cell.load(fake.file())
    with pytest.raises(Configuration, match="certificate= and key="):
        Cell.load(fake.file(), certificate=app.certificate)
    with pytest.raises(Configuration, match="can't be used together"):
        Cell.load(fake.file(), certificate=app.certificate, key=identity(tmp_path, "other").key)
    with pytest.raises(Configuration, match="can't be read"):
        Cell.load(tmp_path / "none.json", token={})
    with load(fake, token={"clinic": "token.for.clinic"}) as cell:
        with pytest.raises(Configuration, match="no token for party 'bank'"):
            cell.infer("linear", {"x": ROWS})
    with load(fake, token=lambda party: "secret\r\nX-Other: header") as cell:
        with pytest.raises(Configuration, match="characters that no token has") as caught:
            cell.infer("linear", {"x": ROWS})
        assert "secret" not in str(caught.value)
    assert all(party.handshakes == 0 for party in fake.parties)
