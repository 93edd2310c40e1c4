"""Ask whether the addresses that a message leads to answer: our own pages from within, others over the net.

Somebody wrote these addresses, so nothing is asked inside our own network: each hop's address is looked up, judged, and
then connected to as it was judged. A request says nothing of any person.
"""

import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from io import BytesIO
from threading import Timer
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db.models import F, Q
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.encoding import iri_to_uri
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from campaigns.models import LinkCheck

LONGEST = LinkCheck._meta.get_field("url").max_length
HOPS = 4  # redirects that are followed
WAIT = 5  # seconds for one step of a conversation
WAIT_IN_ALL = 12  # seconds for one request
AT_ONCE = 8
# How long an answer counts: a bad one may be mended soon.
GOOD_FOR, BAD_FOR, LOST_AFTER = timedelta(hours=6), timedelta(minutes=10), timedelta(minutes=2)
FORGOTTEN_AFTER = timedelta(days=90)
URL = re.compile(r"https?://[^\s<>\"]+")
# Answers to machines rather than to people.
KEEPS_MACHINES_OUT = {401, 403, 406, 407, 418, 429, 451, 999}
# Some sites answer a HEAD in their own way; a GET is what a person does.
HEAD_IS_IN_DOUBT = {400, 403, 404, 405, 406, 501, 503}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unasked(Exception):
    """The address could not be asked; `args[0]` is one of WHY."""


WHY = {
    "dns": _("no site of this name can be found"),
    "private": _("it lies inside a private network, where our readers cannot follow"),
    "scheme": _("it is no address of a web page"),
    "port": _("it asks for an unusual port"),
    "long": _("it is too long to be kept"),
    "timeout": _("it did not answer in time"),
    "tls": _("its certificate is not valid"),
    "silent": _("the connection failed"),
    "redirects": _("it leads from one address to the next without end"),
    "sign-in": _("it asks visitors to sign in"),
    "lost": _("nobody has asked it yet"),
}


# Which addresses


def links_in_text(text):
    return list(dict.fromkeys(url.rstrip(".,;:!?)") for url in URL.findall(text)))


def is_ours(url):
    if url.startswith("/"):
        return not url.startswith("//")
    return url == settings.PUBLIC_URL or url.startswith((f"{settings.PUBLIC_URL}/", f"{settings.PUBLIC_URL}?"))


def askable(urls):
    """Those that can be asked, each once and without its fragment: no mail address, no telephone number."""
    found = (url.partition("#")[0] for url in urls if not re.match(r"(mailto|tel|sms|data|cid):|#", url, re.I))
    return list(dict.fromkeys(filter(None, found)))


# What is known of them


class Answer(NamedTuple):
    """`state`: "fine", "bad", "unknown" or "busy"; `why` in words, `status` the HTTP status: either may be missing."""

    state: str
    status: int | None = None
    why: str = ""


def want(urls, *, again=False):
    """Note that these are to be asked, where no fresh answer is known. Returns whether any waits for an answer.

    `again`: whatever is known.
    """
    now = timezone.now()
    known = LinkCheck.objects.filter(url__in=urls)
    good = Q(error="", status__lt=400)
    stale = Q(answered_at__lt=now - GOOD_FOR) | Q(~good, answered_at__lt=now - BAD_FOR)
    (known if again else known.filter(stale).exclude(_waits())).update(asked_at=now)
    fresh = set(urls) - set(known.values_list("url", flat=True))
    LinkCheck.objects.bulk_create(
        [LinkCheck(url=url, asked_at=now) for url in urls if url in fresh and len(url) <= LONGEST],
        ignore_conflicts=True,
    )
    return known.filter(_waits()).exists()


def _waits():
    return Q(asked_at__isnull=False) & (Q(answered_at=None) | Q(answered_at__lt=F("asked_at")))


def answers(urls):
    """{url: Answer} of what is known."""
    known = {row.url: row for row in LinkCheck.objects.filter(url__in=urls)}
    return {url: Answer("unknown", why=WHY["long"]) if len(url) > LONGEST else _judge(known.get(url)) for url in urls}


def _judge(row):
    if row is None or row.asked_at is None:
        return Answer("unknown", why=WHY["lost"])
    if row.answered_at is None or row.answered_at < row.asked_at:
        waits = row.asked_at > timezone.now() - LOST_AFTER
        return Answer("busy") if waits else Answer("unknown", why=WHY["lost"])
    if row.error:
        bad = row.error in ("dns", "private", "tls", "redirects", "sign-in", "scheme")
        return Answer("bad" if bad else "unknown", why=WHY.get(row.error, ""))
    if row.status in KEEPS_MACHINES_OUT:
        return Answer("unknown", row.status)
    return Answer("fine" if row.status < 400 else "bad", row.status)


# Asking


def ask_waiting(*, network=None, limit=200):
    """Ask what waits to be asked and keep the answers, each as it comes. Returns how many were asked.

    What nobody wanted to know for months is forgotten.
    """
    LinkCheck.objects.filter(asked_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()
    waiting = list(LinkCheck.objects.filter(_waits()).order_by("asked_at", "pk").values_list("url", flat=True)[:limit])
    outside = [url for url in waiting if not is_ours(url)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = {pool.submit(_outcome, ask, url, network or Network()): url for url in outside}
        for url in waiting:
            if is_ours(url):
                _keep(url, *_outcome(ask_here, url))
        for done in as_completed(asked):
            _keep(asked[done], *done.result())
    return len(waiting)


def _outcome(ask_it, *args):
    """(status, error)"""
    try:
        return ask_it(*args), ""
    except Unasked as error:
        return None, error.args[0]


def _keep(url, status, error):
    LinkCheck.objects.filter(url=url).update(answered_at=timezone.now(), status=status, error=error)


# Our own pages


@cache
def _site():
    handler = BaseHandler()
    handler.load_middleware()
    return handler


def ask_here(url):
    """The HTTP status of one of our own pages, as a visitor who is not signed in would get it. Raises Unasked."""
    public = urlsplit(settings.PUBLIC_URL)
    path = url.removeprefix(settings.PUBLIC_URL) or "/"
    for _hop in range(HOPS + 1):
        parts = urlsplit(path)
        if parts.path.startswith(settings.MEDIA_URL) and settings.MEDIA_URL.startswith("/"):
            return 200 if _is_kept(unquote(parts.path.removeprefix(settings.MEDIA_URL))) else 404
        status, location = _visit(parts, public)
        if not (300 <= status < 400 and location):
            return status
        target = urljoin(settings.PUBLIC_URL + path, location)
        if not is_ours(target):
            return status
        path = target.removeprefix(settings.PUBLIC_URL) or "/"
        if urlsplit(path).path == resolve_url(settings.LOGIN_URL):
            raise Unasked("sign-in")
    raise Unasked("redirects")


def _is_kept(name):
    try:
        return default_storage.exists(name)
    except SuspiciousOperation:  # it would lie outside the storage
        return False


def _visit(parts, public):
    """(status, location) of a path of this site."""
    environ = {
        "REQUEST_METHOD": "HEAD",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path).encode().decode("latin-1"),
        "QUERY_STRING": iri_to_uri(parts.query),
        "SERVER_NAME": public.hostname,
        "SERVER_PORT": str(public.port or (443 if public.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": public.netloc,
        "HTTP_X_FORWARDED_PROTO": public.scheme,
        "HTTP_X_FORWARDED_HOST": public.netloc,
        "HTTP_ACCEPT_LANGUAGE": get_language() or settings.LANGUAGE_CODE,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": public.scheme,
        "wsgi.input": BytesIO(),
    }
    with override(get_language()):  # the visit speaks the language of its path; we go on in ours
        response = _site().get_response(WSGIRequest(environ))
        for close in response._resource_closers:  # not close(): it ends a request, and our database connection with it
            close()
    return response.status_code, response.headers.get("Location", "")


# The pages of others


def is_public(address):
    """Whether an IP address is one that anybody on the internet may reach; one that wraps another is judged by it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in NAT64:
            inner = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@dataclass(frozen=True)
class Network:
    """How the net is reached: names are looked up, addresses judged, and only these ports are asked."""

    resolve: Callable = socket.getaddrinfo
    allowed: Callable = is_public
    ports: tuple = (80, 443)
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    wait: float = WAIT
    wait_in_all: float = WAIT_IN_ALL

    def address_of(self, host, port):
        """The one IP address to connect to. All that a name has must be allowed. Raises Unasked."""
        try:
            found = [row[4][0] for row in self.resolve(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise Unasked("dns") from error
        if not found:
            raise Unasked("dns")
        if not all(self.allowed(address) for address in found):
            raise Unasked("private")
        return found[0]


def ask(url, network):
    """The HTTP status that an address of somebody else answers with, after its redirects. Raises Unasked."""
    for _hop in range(HOPS + 1):
        status, location = _head(url, network)
        if not (300 <= status < 400 and location):
            return status
        try:
            url = urljoin(url, location).partition("#")[0]
        except ValueError as error:
            raise Unasked("scheme") from error
        if is_ours(url):
            return status
    raise Unasked("redirects")


def _head(url, network):
    status, location = _request("HEAD", url, network)
    return _request("GET", url, network) if status in HEAD_IS_IN_DOUBT else (status, location)


def _request(method, url, network):
    """(status, location); a body is not read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Unasked("scheme") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Unasked("scheme")
    if port not in network.ports:
        raise Unasked("port")
    address = network.address_of(host, port)
    target = iri_to_uri(parts.path or "/") + (f"?{iri_to_uri(parts.query)}" if parts.query else "")
    secure = network.context if parts.scheme == "https" else None
    connection = _Connection(host, port, address=address, secure=secure, timeout=network.wait)
    clock = Timer(network.wait_in_all, connection.hang_up)
    clock.daemon = True
    clock.start()
    try:
        connection.request(method, target, headers={"User-Agent": "Coalition link check", "Accept": "*/*"})
        response = connection.getresponse()
        return response.status, response.headers.get("Location", "")
    except TimeoutError as error:
        raise Unasked("timeout") from error
    except ssl.SSLError as error:
        raise Unasked("tls") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unasked("silent") from error
    finally:
        clock.cancel()
        connection.close()


class _Connection(http.client.HTTPConnection):
    """Connects to the IP address that was judged, and not to what the name means a moment later."""

    def __init__(self, host, port, *, address, secure, timeout):
        super().__init__(host, port, timeout=timeout)
        self.address, self.secure = address, secure
        self.default_port = port  # the usual one: the Host header need not name it

    def connect(self):
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if self.secure:
            self.sock = self.secure.wrap_socket(self.sock, server_hostname=self.host)

    def hang_up(self):
        """A server that answers a byte at a time holds nobody up."""
        sock = self.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
