#!/usr/bin/env python3
"""Reads the server's metrics with the parser of Prometheus's own client library, and sees whether they tell what was done.

Where the server is and who may sign in comes from the environment, as `cargo xtask` sets it (../README.md). Prints a
line per check and ends with 1 at the first that is wrong.
"""

import base64
import os
import socket
import ssl
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

HOST, DOMAIN = os.environ["COUPLET_HOST"], os.environ["COUPLET_DOMAIN"]
TLS_PORT = int(os.environ["COUPLET_TLS_PORT"])
PAGE = f"http://{HOST}:{os.environ['COUPLET_METRICS_PORT']}/metrics"
CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# How long an answer may take, in seconds. Far more than any needs.
PATIENCE = 60

HEADER = (
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    f"to='{DOMAIN}' version='1.0'>"
)
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


def expect(condition, what, got=None):
    if not condition:
        sys.exit(f"wrong: {what}" + (f": {got!r}" if got is not None else ""))
    print(f"ok: {what}", flush=True)


def scrape():
    """The families by name. The parser is strict: it raises an error for whatever is not OpenMetrics."""
    with urllib.request.urlopen(PAGE, timeout=PATIENCE) as response:
        kind, text = response.headers["Content-Type"], response.read().decode("utf-8")
    if kind != CONTENT_TYPE:
        sys.exit(f"wrong: the page is {kind!r}")
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families, family, name, **labels):
    for sample in families[family].samples:
        if sample.name == name and sample.labels == labels:
            return sample.value
    sys.exit(f"wrong: there is no {name} with {labels}")


def handshakes(families, result):
    return value(families, "couplet_tls_handshakes", "couplet_tls_handshakes_total", result=result)


def refused(families, reason):
    return value(families, "couplet_sign_in_failures", "couplet_sign_in_failures_total", reason=reason)


def connect(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    plain = socket.create_connection((HOST, TLS_PORT), PATIENCE)
    return context.wrap_socket(plain, server_hostname=DOMAIN)


def read_until(stream, end):
    text = b""
    while end not in text:
        more = stream.recv(4096)
        if not more:
            sys.exit(f"wrong: the stream ended with {text!r}")
        text += more
    return text


def guess(version):
    """Tries to sign in with a wrong password."""
    user = os.environ["COUPLET_USER_1"].split("@")[0]
    plain = base64.b64encode(f"\0{user}\0not the password".encode()).decode()
    with connect(version) as stream:
        stream.sendall(HEADER.encode())
        read_until(stream, b"</stream:features>")
        stream.sendall(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{plain}</auth>".encode())
        answer = read_until(stream, b"</failure>")
        expect(b"not-authorized" in answer, "a wrong password is refused", answer)
        stream.sendall(b"</stream:stream>")
        read_until(stream, b"</stream:stream>")


def talk_nonsense():
    """What is no TLS, where TLS is expected."""
    with socket.create_connection((HOST, TLS_PORT), PATIENCE) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\n\r\n")
        while stream.recv(4096):
            pass


def only_grow(before, after):
    for name, family in before.items():
        if family.type not in ("counter", "histogram"):
            continue
        old = {(sample.name, tuple(sample.labels.items())): sample.value for sample in family.samples}
        new = {(sample.name, tuple(sample.labels.items())): sample.value for sample in after[name].samples}
        shrunk = [key for key, value in old.items() if new.get(key, -1) < value]
        if shrunk:
            sys.exit(f"wrong: {shrunk} went down")


def main():
    before = scrape()
    expect(len(before) > 20, "the page is OpenMetrics", len(before))
    bare = [name for name, family in before.items() if not family.documentation]
    expect(not bare, "every family says what it is", bare)
    guess(ssl.TLSVersion.TLSv1_3)
    guess(ssl.TLSVersion.TLSv1_2)
    talk_nonsense()
    after = scrape()
    for result in ("1.2", "1.3", "failed"):
        count = handshakes(after, result) - handshakes(before, result)
        expect(count == 1, f"a handshake more: {result}", count)
    count = refused(after, "not-authorized") - refused(before, "not-authorized")
    expect(count == 2, "two failed sign-ins more", count)
    only_grow(before, after)
    expect(True, "counters only grow")


main()
