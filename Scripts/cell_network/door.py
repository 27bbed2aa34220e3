"""Requests to a door as bytes: what no client library would send."""
import http.client
import json
import os
import socket
import ssl
import time

from .machines import ADDRESSES

PORT = 8443


class Reply:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def json(self):
        try:
            value = json.loads(self.body)
            return value if isinstance(value, dict) else {}
        except ValueError:
            return {}

    @property
    def code(self):
        return self.json.get("crypten_code")

    def __repr__(self):
        return "%s %s" % (self.status, self.code or self.body[:80])


CLOSED = 0  # the status of a connection that was closed without a word


def context(identity=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE  # the tests know whom they call
    if identity:
        made.load_cert_chain(identity)
    return made


def dial(party, identity=None, timeout=20):
    plain = socket.create_connection((ADDRESSES[party], PORT), timeout=timeout)
    try:
        return context(identity).wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def reply(connection, method="GET", start=None):
    """Reads an answer; a connection that is closed is status 0."""
    start = start or time.monotonic()
    try:
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return Reply(response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read(), time.monotonic() - start)
    except (http.client.BadStatusLine, http.client.IncompleteRead, ConnectionError, ssl.SSLError, ssl.SSLEOFError) as error:
        return Reply(CLOSED, {}, type(error).__name__.encode(), time.monotonic() - start)
    except TimeoutError:
        return Reply(-1, {}, b"nothing came", time.monotonic() - start)


def send(party, data, identity=None, timeout=20, method="GET"):
    """Sends bytes, and reads the answer; what is refused before all was sent is read, too."""
    start = time.monotonic()
    try:
        connection = dial(party, identity, timeout)
    except (OSError, ssl.SSLError) as error:
        return Reply(CLOSED, {}, str(error).encode(), time.monotonic() - start)
    try:
        try:
            connection.sendall(data)
        except OSError:
            pass
        return reply(connection, method, start)
    finally:
        connection.close()


def request(method, path, body=b"", headers=(), host="door"):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + host, "Content-Length: %d" % len(body), *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def part(number, identifier, epoch, rows=1, **changes):
    """A party's part of a question about zeros."""
    tensor = {"name": "x", "shape": [rows, 1, 8, 8], "datatype": "UINT64"}
    parameters = {"crypten_sharing": 1, "crypten_epoch": epoch}
    if number < 2:
        parameters["crypten_seed"] = os.urandom(32).hex()
    else:
        tensor["data"] = [0] * (64 * rows)
    return json.dumps({"id": identifier, "parameters": parameters, "inputs": [tensor], **changes}).encode()


def infer(party, body, identity=None, headers=(), timeout=20):
    return send(party, request("POST", "/v2/models/digits/infer", body, ["Content-Type: application/json", *headers]), identity, timeout)
