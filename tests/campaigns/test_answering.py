"""Whether links answer: our own pages from within, others over the net, and nothing inside a network of ours."""

import socket
import ssl
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import get_language

from campaigns import answering
from campaigns.answering import Network, Unasked
from campaigns.models import LinkCheck


class Site(BaseHTTPRequestHandler):
    """A site of somebody else, with every habit that sites have."""

    seen, over = [], threading.Event()

    def do_HEAD(self):
        self.seen.append((self.command, self.path, dict(self.headers)))
        match self.path.strip("/").split("/"):
            case ["no-head"] if self.command == "HEAD":
                self.send_response(405)
            case [status] if status.isdigit():
                self.send_response(int(status))
            case ["to", *rest]:
                self.send_response(302)
                self.send_header("Location", "/" + "/".join(rest))
            case ["round"]:
                self.send_response(301)
                self.send_header("Location", "/round")
            case ["nonsense"]:
                self.send_response(302)
                self.send_header("Location", "http://[bad")
            case ["inward"]:
                self.send_response(302)
                self.send_header("Location", "http://inside.example.org/")
            case ["slow"]:
                self.over.wait(30)
                self.send_response(200)
            case _:
                self.send_response(200)
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *args):
        pass


@pytest.fixture
def site():
    """A network in which every name leads to a server of the test, except `inside`, which leads inside."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    port = server.server_address[1]

    def resolve(host, _port, **kwargs):
        if host.startswith("nowhere"):
            raise socket.gaierror
        return [(None, None, None, "", ("10.0.0.7" if host.startswith("inside") else "127.0.0.1", port))]

    Site.seen.clear()
    Site.over.clear()
    network = Network(resolve=resolve, allowed=lambda ip: ip == "127.0.0.1", ports=(80, port), wait=20)
    yield f"http://others.example.org:{port}", network
    Site.over.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/404", 404), ("/500", 500), ("/to/200", 200), ("/to/410", 410), ("/no-head", 200)],
)
def test_an_address_answers_with_its_last_status(site, path, status):
    base, network = site
    assert answering.ask(base + path, network) == status


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("{base}/round", "redirects"),
        ("{base}/inward", "private"),
        ("{base}/nonsense", "scheme"),
        ("http://inside.example.org/", "private"),
        ("http://nowhere.example.org/", "dns"),
        ("http://others.example.org:22/", "port"),
        ("ftp://others.example.org/", "scheme"),
        ("http://[::1", "scheme"),
    ],
)
def test_what_cannot_be_asked_says_why(site, url, why):
    base, network = site
    with pytest.raises(Unasked) as refused:
        answering.ask(url.format(base=base), network)
    assert refused.value.args == (why,)


def test_a_site_that_does_not_answer_in_time_says_so(site):
    base, network = site
    with pytest.raises(Unasked) as refused:
        answering.ask(f"{base}/slow", replace(network, wait=0.3))
    assert refused.value.args == ("timeout",)


def test_a_request_says_nothing_of_anybody(site):
    base, network = site
    answering.ask(f"{base}/página?a=b c", network)
    (command, path, headers), *_rest = Site.seen
    assert (command, path) == ("HEAD", "/p%C3%A1gina?a=b%20c")
    assert headers.keys() == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_a_site_whose_certificate_nobody_vouches_for_is_told_from_one_that_is_down(site):
    base, network = site
    with pytest.raises(Unasked) as refused:
        answering.ask(base.replace("http:", "https:") + "/", network)
    assert refused.value.args == ("tls",)
    assert network.context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_no_address_inside_a_network_is_ever_asked(address):
    assert answering.is_public(address) is False


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_asked(address):
    assert answering.is_public(address) is True


def test_one_private_address_among_a_names_addresses_is_enough_to_refuse_it():
    rows = [(None, None, None, "", (ip, 443)) for ip in ("93.184.215.14", "127.0.0.1")]
    network = Network(resolve=lambda *_args, **_kwargs: rows)
    with pytest.raises(Unasked) as refused:
        answering.ask("https://two-faced.example.org/", network)
    assert refused.value.args == ("private",)


def test_our_own_pages_are_asked_from_within(installation, settings):
    language = get_language()
    assert answering.ask_here("/healthz") == 200
    assert answering.ask_here(f"{settings.PUBLIC_URL}/no/such/page/") == 404
    with pytest.raises(Unasked) as refused:
        answering.ask_here("/admin/")
    assert refused.value.args == ("sign-in",)
    assert get_language() == language


def test_a_picture_of_ours_is_there_or_not(db):
    name = default_storage.save("answering.txt", ContentFile(b"x"))
    try:
        assert answering.ask_here(default_storage.url(name)) == 200
    finally:
        default_storage.delete(name)
    assert answering.ask_here(default_storage.url(name)) == 404


def test_answers_are_kept_and_asked_for_again_in_time(installation, site):
    base, network = site
    urls = [f"{base}/", f"{base}/404", f"{base}/403", "/no/such/page/", "http://nowhere.example.org/"]
    assert {answer.state for answer in answering.answers(urls).values()} == {"unknown"}
    assert answering.want(urls) is True
    assert {answer.state for answer in answering.answers(urls).values()} == {"busy"}
    assert answering.ask_waiting(network=network) == 5
    assert [(answer.state, answer.status) for answer in answering.answers(urls).values()] == [
        ("fine", 200),
        ("bad", 404),
        ("unknown", 403),
        ("bad", 404),
        ("bad", None),
    ]
    assert answering.want(urls) is False
    an_hour_ago = timezone.now() - timedelta(hours=1)
    LinkCheck.objects.update(asked_at=an_hour_ago, answered_at=an_hour_ago)
    assert answering.want(urls) is True
    # What was bad an hour ago is asked again; what was good counts for some hours.
    assert [answering.answers(urls)[url].state for url in urls] == ["fine", "busy", "busy", "busy", "busy"]
    assert answering.want(urls, again=True) is True
    assert {answer.state for answer in answering.answers(urls).values()} == {"busy"}


def test_a_question_that_got_lost_is_said_to_be_unanswered(db):
    answering.want(["https://example.org/"])
    LinkCheck.objects.update(asked_at=timezone.now() - timedelta(minutes=5))
    assert answering.answers(["https://example.org/"])["https://example.org/"].state == "unknown"
    assert answering.want(["https://example.org/"]) is True


def test_addresses_that_nobody_wants_to_know_are_forgotten(db):
    answering.want(["/healthz", "https://example.org/"])
    LinkCheck.objects.filter(url="https://example.org/").update(asked_at=timezone.now() - timedelta(days=91))
    assert [answering.ask_waiting(), answering.ask_waiting()] == [1, 0]
    assert list(LinkCheck.objects.values_list("url", "status")) == [("/healthz", 200)]


def test_addresses_that_nobody_can_read_leave_the_others_their_answers(installation, site):
    base, network = site
    urls = [f"{base}/nonsense", f"{base}/", "/media/../x", "http://[bad", "/healthz"]
    answering.want(answering.askable(urls))
    assert answering.ask_waiting(network=network) == 5
    assert [(answer.state, answer.status) for answer in answering.answers(urls).values()] == [
        ("bad", None),
        ("fine", 200),
        ("bad", 404),
        ("bad", None),
        ("fine", 200),
    ]


def test_what_can_be_asked_has_no_fragment_and_is_no_mail_address():
    urls = ["/en/?a=1&b=2#top", "http://[bad#top", "mailto:a@example.org", "#top", "/en/?a=1&b=2"]
    assert answering.askable(urls) == ["/en/?a=1&b=2", "http://[bad"]


def test_links_of_a_text():
    assert answering.links_in_text("Read https://example.org/a. Now (http://example.org/b)!") == [
        "https://example.org/a",
        "http://example.org/b",
    ]
