"""Asks a party's door, with TLS, by tritonclient: triton.py FILE, which has `doors` and `tokens`, both by the parties' names; beside it
stand the parties' certificates.

A client of the Open Inference Protocol that knows nothing of shares sees who lives, what is served and in which form, and is told why a plain
input isn't taken. Prints a line for each claim, and ends with 1 where one doesn't hold.
"""
import json
import ssl
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def context(certificate):
    """TLS with whoever has the key of a party's own certificate, whatever name stands in it."""

    def make():
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)  # of OpenSSL; named since Python 3.10
        made.load_verify_locations(certificate)
        return made

    return make


def expect(seen, expected, path):
    if seen != expected:
        raise AssertionError("%s: expected %r, seen %r" % (path, expected, seen))


def refusal(work, path):
    try:
        work()
    except InferenceServerException as error:
        return error
    raise AssertionError("%s: expected a refusal, seen an answer" % path)


def claims(name, party, port, parties, token):
    def headers():
        """Anew for each request: `infer` leaves its own in what it was given."""
        return {"Authorization": "Bearer " + token}

    client = triton.InferenceServerClient("127.0.0.1:%d" % port, ssl=True, ssl_context_factory=context(name + ".certificate.pem"), insecure=True)
    metadata = {}

    def health():
        expect(client.is_server_live(), True, "/v2/health/live")
        expect(client.is_server_ready(), True, "/v2/health/ready")

    def server():
        seen = client.get_server_metadata(headers=headers())
        expect(seen.get("name"), "crypten", "/v2 name")
        expect(seen.get("extensions"), ["binary_tensor_data"], "/v2 extensions")
        expect(isinstance(seen.get("version"), str), True, "/v2 version is a text")

    def model():
        path = "/v2/models/digits"
        seen = client.get_model_metadata("digits", headers=headers())
        metadata.update(seen)
        expect((seen["name"], seen["platform"]), ("digits", "crypten"), path)
        expect([(one["name"], one["datatype"], one["shape"]) for one in seen["inputs"]], [("x", "UINT64", [-1, 1, 8, 8])], path + " inputs")
        expect([(one["datatype"], one["shape"]) for one in seen["outputs"]], [("UINT64", [-1, 10])], path + " outputs")
        said = {key: seen["parameters"][key] for key in ("crypten_sharing", "crypten_cell", "crypten_party", "crypten_parties", "crypten_party_name", "crypten_rows")}
        expected = {"crypten_sharing": 1, "crypten_cell": "clients", "crypten_party": party, "crypten_parties": parties, "crypten_party_name": name, "crypten_rows": 8}
        expect(said, expected, path + " parameters")
        expect(client.get_model_metadata("digits", seen["versions"][0], headers=headers()), seen, path + "/versions/V")

    def ready():
        expect(client.is_model_ready("digits", headers=headers()), True, "/v2/models/digits/ready")
        expect(client.is_model_ready("digits", metadata["versions"][0], headers=headers()), True, "/v2/models/digits/versions/V/ready")
        expect(client.is_model_ready("other", headers=headers()), False, "/v2/models/other/ready")

    def plain():
        for binary in (True, False):
            x = triton.InferInput("x", [1, 1, 8, 8], "FP32")
            x.set_data_from_numpy(np.zeros((1, 1, 8, 8), dtype=np.float32), binary_data=binary)
            path = "/v2/models/digits/infer of %s" % ("FP32 in binary form" if binary else "FP32 in JSON")
            error = refusal(lambda: client.infer("digits", [x], headers=headers()), path)
            expect(error.status(), "400", path + " status")
            expect("shares" in error.message(), True, path + " says why shares are needed: %r" % error.message())
        x = triton.InferInput("x", [1, 1, 8, 8], "UINT64")
        x.set_data_from_numpy(np.zeros((1, 1, 8, 8), dtype=np.uint64), binary_data=True)
        path = "/v2/models/digits/infer of UINT64 without shares"
        error = refusal(lambda: client.infer("digits", [x], headers=headers()), path)
        expect((error.status(), "shares" in error.message()), ("400", True), path)

    def stranger():
        error = refusal(lambda: client.get_model_metadata("digits"), "/v2/models/digits without a token")
        expect(error.status(), "401", "/v2/models/digits without a token")
        expect("token" in error.message(), True, "/v2/models/digits without a token says what is missing: %r" % error.message())

    yield "it lives and is ready", health
    yield "the server's metadata", server
    yield "a model's metadata, and its version's", model
    yield "a model is ready, one that isn't there isn't", ready
    yield "a plain input is refused, and it says that shares are needed", plain
    yield "who shows no token is told so", stranger


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    failed = False
    for party, (name, port) in enumerate(given["doors"].items()):
        for claim, work in claims(name, party, port, len(given["doors"]), given["tokens"][name]):
            try:
                work()
            except Exception as error:  # whatever tritonclient makes of a reply is told
                failed = True
                print("FAILED: %s: %s: %s" % (name, claim, " ".join(("%s: %s" % (type(error).__name__, error)).split())))
            else:
                print("ok: %s: %s" % (name, claim))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
