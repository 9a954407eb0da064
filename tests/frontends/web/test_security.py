"""Access control: hosts, origins, tokens, sizes, and what every answer says to browsers."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from latentknobs.frontends.web import upload
from latentknobs.frontends.web.app import ServerConfig, create_app
from latentknobs.frontends.web.requests import MAX_BODY_BYTES
from latentknobs.frontends.web.security import AccessPolicy
from latentknobs.frontends.web.server import address, is_loopback
from tests.frontends.web.conftest import API, served

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8765", "[::1]:8765", "[::1]", "box", "box:1"])
def test_own_names_are_let_in(named, host):
    """Loopback's names and those that were given, with any port."""
    assert status(named, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com:8765",
        "127.0.0.1:80:80",
        "127.0.0.1:x",
        "[::1",
        "[::1]x",
        "192.168.0.7",
        "localhost@evil.com",
        "boxes",
    ],
)
def test_other_names_are_not(named, host):
    """A name that was made to point here is none of ours."""
    assert status(named, host) == 400


@pytest.mark.parametrize(
    ("host", "code"), [("192.168.0.7:8765", 401), ("[fe80::1]:80", 401), ("evil.com", 400), ("1.2.3.4.evil.com", 400)]
)
def test_a_server_that_listens_everywhere_answers_to_addresses(bench, host, code):
    """Any address is its own, any name is not."""
    app = create_app(bench, ServerConfig(model="tiny", access=AccessPolicy.of("0.0.0.0", TOKEN)))

    assert status(app, host) == code


@pytest.fixture
def named(bench):
    """The application of a server on loopback that is also called Box."""
    return create_app(bench, ServerConfig(model="tiny", access=AccessPolicy.of("127.0.0.1", names=["Box"])))


def status(app, host):
    """What the application answers to that Host header."""

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return (await client.get(f"{API}/openapi.json", headers={"Host": host})).status_code

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.com"}, 400),
        ({"Origin": "http://evil.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
    ids=str,
)
def test_pages_of_others_are_refused(client, headers, status):
    """By Host, by Origin and by what the browser says of the asking page."""
    got = client.get(f"{API}/info", headers=headers)

    assert got.status_code == status
    assert status in (200, 400) or got.json()["error"]["message"]


def test_the_own_origin_is_let_in(client, port):
    """With the host's own port."""
    assert client.get(f"{API}/info", headers={"Origin": f"http://127.0.0.1:{port}"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.com"}, {"Host": "evil.com"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_sockets_of_others_are_refused(port, headers):
    """Before they are accepted."""
    with pytest.raises(InvalidStatus) as refused, raw_socket(port, headers):
        pass

    assert refused.value.response.status_code == (400 if "Host" in headers else 403)


def raw_socket(port, headers):
    """A WebSocket with headers of one's own; Host is not added to but taken."""
    host = headers.get("Host", f"127.0.0.1:{port}")
    own = {name: value for name, value in headers.items() if name not in ("Host", "Origin")}
    link = socket.create_connection(("127.0.0.1", port))
    return connect(
        f"ws://{host}{API}/live", sock=link, additional_headers=own, origin=headers.get("Origin"), proxy=None
    )


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", f"{API}/info", f"{API}/nothing", "/static/../app.py", f"{API}/models/x/open"]
)
def test_every_answer_has_its_headers(client, path):
    """Errors and refusals too: nothing inline, nothing from elsewhere, in no frame, of no other type."""
    answers = [client.get(path), client.get(path, headers={"Host": "evil.com"}), client.post(path, content=b"x")]

    for got in answers:
        policy = dict(part.split(" ", 1) for part in got.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert "unsafe" not in got.headers["content-security-policy"]
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["referrer-policy"] == "no-referrer"
        assert got.headers["cross-origin-opener-policy"] == got.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in got.headers
        assert "server" not in got.headers


def test_nothing_but_the_page_is_served(client):
    """The folder of the page has no way out."""
    for path in (
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/../../../pyproject.toml",
    ):
        assert client.get(path).status_code in (404, 405)


def test_large_bodies_are_refused_whatever_they_say(client):
    """One that says its length and one that comes in parts without saying it."""

    def parts():
        for _ in range(32):
            yield b"x" * 65536

    for content in (b"x" * (MAX_BODY_BYTES + 1), parts()):
        got = client.post(f"{API}/models/tiny/read", content=content)
        assert (got.status_code, got.json()["error"]["code"]) == (413, "too-large")
    assert client.get(f"{API}/info").status_code == 200


@pytest.fixture(scope="module")
def locked(bench):
    """A server with a token."""
    with served(bench, ServerConfig(model="tiny", access=AccessPolicy.of("127.0.0.1", TOKEN))) as port:
        yield port


def test_a_token_is_asked_for(locked):
    """On the page, the API, its description, the static files and the WebSocket; a wrong one does not do."""
    with httpx.Client(base_url=f"http://127.0.0.1:{locked}", trust_env=False) as client:
        for path in ("/", "/static/index.html", f"{API}/info", f"{API}/openapi.json", f"{API}/info?token={TOKEN}"):
            assert client.get(path).status_code == 401
        assert client.get("/?token=wrong").status_code == 401
        assert client.get(f"{API}/info", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get(f"{API}/info", headers={"Cookie": "latentknobs=wrong"}).status_code == 401
        assert client.get(f"{API}/info", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    with pytest.raises(InvalidStatus), raw_socket(locked, {}):
        pass
    with raw_socket(locked, {"Authorization": f"Bearer {TOKEN}"}) as live:
        live.send(json.dumps({"type": "ping", "seq": 1}))
        assert json.loads(live.recv(10))["type"] == "pong"


def test_a_token_in_the_address_becomes_a_cookie(locked):
    """The address is left without it, and the cookie is one that no script and no other site can use."""
    with httpx.Client(base_url=f"http://127.0.0.1:{locked}", trust_env=False) as client:
        got = client.get(f"/?token={TOKEN}")
        cookie = got.headers["set-cookie"].lower()

        assert (got.status_code, got.headers["location"]) == (303, "/")
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/").status_code == client.get(f"{API}/info").status_code == 200
        with raw_socket(locked, {"Cookie": f"latentknobs={client.cookies['latentknobs']}"}) as live:
            live.send(json.dumps({"type": "ping", "seq": 1}))
            assert json.loads(live.recv(10))["seq"] == 1


def test_a_file_that_takes_too_long_is_given_up(client, monkeypatch, bench):
    """Its process is ended at the deadline, and the server goes on."""
    monkeypatch.setattr(upload, "SECONDS", 0.01)
    with served(bench, ServerConfig(model="tiny", warm=False)) as port:
        began = time.monotonic()
        got = httpx.post(f"http://127.0.0.1:{port}{API}/models/tiny/read", content=b"MThd", timeout=30, trust_env=False)

        assert got.json()["error"]["code"] == "too-slow"
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("host", "loopback", "url"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:1/?token=t%26"),
        ("::1", True, "http://[::1]:1/?token=t%26"),
        ("localhost", True, "http://localhost:1/?token=t%26"),
        ("192.168.0.7", False, "http://192.168.0.7:1/?token=t%26"),
        ("0.0.0.0", False, f"http://{socket.gethostname()}:1/?token=t%26"),
    ],
)
def test_the_address_that_is_printed(host, loopback, url):
    """It can be opened, and outside loopback a token is made."""
    assert is_loopback(host) == loopback
    assert address(host, 1, "t&") == url
