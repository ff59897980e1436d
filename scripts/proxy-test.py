#!/usr/bin/env python3
"""Places calls through the example configurations of Caddy and nginx, with TLS.

    scripts/proxy-test.py PROGRAM

Starts the demo and each proxy with its file of ops/proxy, in which only names, ports and certificates
are replaced. Checks that a call is placed, that the stream is not held in a buffer, that an error of
the gateway arrives as it is, that a large event of the voice provider passes, and that probes do not.
"""

import contextlib
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROXIES = Path(__file__).resolve().parent.parent / "ops/proxy"
NAME = "calls.example.com"
GATEWAY = "127.0.0.1:2212"
TOOL_SECRET = "the-secret-of-this-test"
# One call for each proxy: a repeated one would be a duplicate, and have no new event.
NUMBERS = iter(["+14165550180", "+14165550181"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def replaced(text, replacements):
    """The text with these parts replaced. Each of them must be there."""
    for old, new in replacements.items():
        assert old in text, f"the configuration has no {old!r}"
        text = text.replace(old, new)
    return text


def make_certificate(folder):
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    subprocess.run(["openssl", "req", "-x509", *key, *subject, *files], check=True, capture_output=True)


def caddy(folder, port, plain_port, gateway):
    text = replaced(
        (PROXIES / "Caddyfile").read_text(),
        {f"{NAME} {{": f"{NAME}:{port} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem", GATEWAY: gateway},
    )
    # No administration API, nothing stored, and no listener on port 80.
    options = f"{{\n\tadmin off\n\tstorage file_system {folder}/caddy\n\thttp_port {plain_port}\n}}\n"
    (folder / "Caddyfile").write_text(options + text)
    return ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


def nginx(folder, port, plain_port, gateway):
    ports = {"listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "listen 80;": f"listen 127.0.0.1:{plain_port};"}
    # A machine for tests may have no IPv6.
    ipv6 = {"    listen [::]:443 ssl http2;\n": "", "    listen [::]:80;\n": ""}
    text = replaced(
        (PROXIES / "nginx.conf").read_text(), {**ipv6, **ports, "/etc/ssl/outdial": str(folder), GATEWAY: gateway}
    )
    (folder / "outdial.conf").write_text(text)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    main += f"http {{\naccess_log off;\n{temporary}include {folder}/outdial.conf;\n}}\n"
    (folder / "nginx.conf").write_text(main)
    argv = ["nginx", "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf"]
    subprocess.run([*argv, "-t", "-q"], check=True, timeout=30)
    return argv


@contextlib.contextmanager
def running(argv, folder, env=None):
    log = folder / f"{Path(argv[0]).name}.log"
    with log.open("w") as out, log.with_suffix(".stdout").open("w") as stdout:
        process = subprocess.Popen(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=out)
    try:
        yield log.with_suffix(".stdout")
    except BaseException:
        print(log.read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


class Client:
    """Sends requests to the proxy as to its public name."""

    def __init__(self, folder, port, token):
        self.tls = ssl.create_default_context(cafile=folder / "fullchain.pem")
        self.port, self.headers = port, {"host": NAME, "authorization": token, "content-type": "application/json"}

    def open(self, method, path, body=None):
        connection = http.client.HTTPSConnection(NAME, timeout=30)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sock = self.tls.wrap_socket(plain, server_hostname=NAME)
        connection.request(method, path, body, self.headers)
        return connection.getresponse()

    def json(self, method, path, body=None):
        response = self.open(method, path, body)
        return response.status, json.loads(response.read())

    def serves(self):
        try:
            return self.open("GET", "/openapi.json").status == 200
        except (OSError, http.client.HTTPException):
            return False


def check(client):
    wait_until("the proxy passes requests on", client.serves)
    stream = client.open("GET", "/api/calls/events")
    assert stream.status == 200 and stream.getheader("content-encoding") is None, stream.status
    first = iter(stream.readline, b"\n")
    assert any(line.startswith(b"id:") for line in first), "the stream begins with an id, before any event"

    placed, call = client.json("POST", "/api/calls/ai/outbound", json.dumps({"phoneNumber": next(NUMBERS)}))
    assert placed == 200, call
    # A buffer of the proxy would hold the event back until the stream ends: then this times out.
    lines = iter(stream.readline, b"")
    assert any(call["callId"].encode() in line for line in lines), "the stream has the event of the call"
    stream.close()

    status, failure = client.json("POST", "/api/calls/ai/outbound", json.dumps({"callReason": "x" * 100_000}))
    assert status == 400 and failure["success"] is False, (status, failure)
    recording = {"conversation_id": "conv_of_another_system", "full_audio": "A" * (17 << 20)}
    event = json.dumps({"type": "post_call_audio", "event_timestamp": int(time.time()), "data": recording})
    client.headers["authorization"] = f"Bearer {TOOL_SECRET}"
    status, answer = client.json("POST", "/api/webhook/elevenlabs", event)
    assert status == 200, (status, answer)
    for probe in ("/healthz", "/readyz"):
        assert client.open("GET", probe).status == 404, probe


def main():
    (program,) = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="outdial-proxy.") as name:
        folder = Path(name)
        make_certificate(folder)
        argv = [Path(program).resolve(), "serve"]
        settings = {"OUTDIAL_BIND": "127.0.0.1:0", "OUTDIAL_ELEVENLABS_TOOL_SECRET": TOOL_SECRET}
        with running(argv, folder, settings) as output:
            greeting = wait_until("the demo serves", lambda: "/docs" in output.read_text() and output.read_text())
            gateway = re.search(r"serves http://(\S+)", greeting)[1]
            token = re.search(r"(Bearer [^']+)", greeting)[1]
            for proxy in (caddy, nginx):
                port = free_port()
                with running(proxy(folder, port, free_port(), gateway), folder):
                    check(Client(folder, port, token))
                print(f"proxies: {proxy.__name__} passes calls, errors, events and the stream")


if __name__ == "__main__":
    main()
