"""Links of a message lead through our own redirect, which knows each by its number and so redirects nowhere else.

A token names the delivery, signed; no address stands in it. Scanners are told from people by when and how they ask
(rule E6): their clicks are kept, and count for nothing.
"""

import hmac
import re
from datetime import timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns import tracking
from campaigns.answering import is_ours
from campaigns.models import Click, Delivery, Link, TrackingEvent
from coalition.channels.letters import OPEN, gap
from coalition.models import Installation

log = structlog.get_logger(__name__)
SIGNED = 24  # hexadecimal digits of a signature: 96 bits
PROVIDER = "link"  # who tells of a click in TrackingEvent: ourselves
# Pages that belong to one reader: nobody counts who opens them.
PERSONAL = re.compile(r"/(?:[a-z-]{2,7}/)?(?:u|preferences)(?:/|$)")
# Programs that say who they are: mail security, previews of chats and social sites, libraries, monitors.
SCANNERS = re.compile(
    r"bot\b|bot/|crawl|spider|scan|preview|prefetch|monitor|headless|phantomjs|slurp|curl|wget|python|okhttp|java/|"
    r"go-http|libwww|perl|ruby|axios|node-fetch|http_?client|facebookexternalhit|whatsapp|skypeuri|proofpoint|mimecast|"
    r"barracuda|safelinks|bingpreview|ms-office|microsoft office|trendmicro|symantec|fortinet|sophos|forcepoint|"
    r"cloudmark",
    re.IGNORECASE,
)
TELL_TALES = ("trap", "head", "prefetch", "agent")  # what a request gives away by itself
TOGETHER = timedelta(seconds=2)  # two links of one letter within this: no person is as fast
AT_ONCE = timedelta(seconds=15)  # after it left: a person may be as fast, a scanner always is
NEAR_TRAP = timedelta(minutes=5)  # what asks this near to a trap is what fell into it
AGAIN = timedelta(seconds=10)  # the same link of the same letter once more within this tells nothing new
KEPT = 20  # clicks of one link in one delivery, and as many of scanners that give themselves away
WAIT = "SET LOCAL lock_timeout = '1s'"  # for a delivery that somebody is writing; then the click goes unkept


def through(message, url):
    """The address to put into a letter for `url`: our redirect with the gap `click`, or the address as it is.

    As it is stay what belongs to one reader, what is no web address, and everything where links are not followed.
    """
    url = _with_source(message, settings.PUBLIC_URL + url if url.startswith("/") else url)
    if message.pk is None or not _is_followed(url) or not Installation.get().follow_links:
        return url
    link, _new = Link.objects.get_or_create(message=message, url=url, is_trap=False)
    return _address(link)


def trap(message):
    """The address of a link that no person sees, for the HTML of a letter; empty where links are not followed."""
    if message.pk is None or not Installation.get().follow_links:
        return ""
    link, _new = Link.objects.get_or_create(message=message, url=settings.PUBLIC_URL + "/", is_trap=True)
    return _address(link)


def _address(link):
    path = reverse("follow", args=[link.pk, "-token-"])
    return settings.PUBLIC_URL + path.replace("-token-", gap("click"))


def _is_followed(url):
    if not url.startswith(("https://", "http://")) or OPEN in url or len(url) > Link._meta.get_field("url").max_length:
        return False
    return not (is_ours(url) and PERSONAL.match(urlsplit(url).path))


def _with_source(message, url):
    """An address of our own site says which message it came from; no other site is asked to understand it."""
    if not message.source or not is_ours(url) or OPEN in url:
        return url
    parts = urlsplit(url)
    if any(name == "src" for name, _value in parse_qsl(parts.query, keep_blank_values=True)):
        return url
    source = urlencode({"src": message.source})
    return urlunsplit(parts._replace(query=f"{parts.query}&{source}" if parts.query else source))


# Tokens


def token_for(delivery_pk):
    """What fills the gap `click` for a delivery: its number and a signature, both hexadecimal."""
    number = f"{delivery_pk:x}"
    return f"{number}.{_sign(settings.SECRET_KEY, number)}"


def delivery_in(token):
    """The number of the delivery that a token was made for; None for no token of ours."""
    number, _dot, signature = token.partition(".")
    if not re.fullmatch(r"[0-9a-f]{1,15}", number) or not signature.isascii():
        return None
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if hmac.compare_digest(signature, _sign(secret, number)):
            return int(number, 16)
    return None


@lru_cache(maxsize=8)
def _begun(secret):
    """A signature to be copied, with a key of its own: nothing else that is signed here can pass for a click."""
    return hmac.new(hmac.digest(secret.encode(), b"campaigns.linking", "sha256"), digestmod="sha256")


def _sign(secret, number):
    signed = _begun(secret).copy()
    signed.update(number.encode())
    return signed.hexdigest()[:SIGNED]


# Following


def follow(number, token, *, method="GET", agent="", prefetched=False):
    """Where the link of this number leads, once the click is kept; None for no link or token of ours.

    `agent`: the User-Agent as it came; it is judged and forgotten, like everything else about who asks. A click that
    cannot be kept stops nobody: only where the link itself cannot be read, django.db.Error is raised.
    """
    delivery_pk = delivery_in(token)
    if delivery_pk is None:
        return None
    # The link must stand in the very message that this delivery carried.
    link = Link.objects.filter(pk=number, message__deliveries=delivery_pk).first()
    if link is None:
        return None
    why = _tell_tale(link, method, agent, prefetched)
    try:
        if _tells_something(link, delivery_pk, why):
            _keep(link, delivery_pk, why)
    except Error as error:
        log.warning("click not kept", delivery=delivery_pk, error=type(error).__name__)
    return link.url


def _tells_something(link, delivery_pk, why):
    """Whether one more click is worth a row: asked without a lock, so that a loop costs one look and no writing."""
    alike = Click.objects.filter(delivery=delivery_pk, link=link)
    alike = alike.filter(why__in=TELL_TALES) if why else alike.exclude(why__in=TELL_TALES)
    times = list(alike.order_by("-at").values_list("at", flat=True)[:KEPT])
    return len(times) < KEPT and not (times and timezone.now() - times[0] < AGAIN)


def _tell_tale(link, method, agent, prefetched):
    """What gives a scanner away in one request by itself; empty when nothing does."""
    if link.is_trap:
        return "trap"
    if method == "HEAD":
        return "head"
    if prefetched:
        return "prefetch"
    return "agent" if not agent.strip() or SCANNERS.search(agent) else ""


@transaction.atomic
def _keep(link, delivery_pk, why):
    """Write the click, judged beside the delivery's others; what it teaches about those is put right as well."""
    with connection.cursor() as cursor:
        cursor.execute(WAIT)
    delivery = Delivery.objects.select_for_update(no_key=True).get(pk=delivery_pk)  # two at once see each other
    now = timezone.now()
    others = list(delivery.clicks.filter(at__gt=now - NEAR_TRAP).values_list("pk", "link_id", "at", "why"))
    if not why and any(other_why == "trap" for _pk, _link, _at, other_why in others):
        why = "near trap"
    together = [pk for pk, other, at, _why in others if other != link.pk and now - at < TOGETHER]
    if not why and together:
        why = "burst"
    by = Click.By.SCANNER if why else Click.By.PERSON
    if not why and delivery.sent_at and now - delivery.sent_at < AT_ONCE:
        by, why = Click.By.UNSURE, "at once"
    Click.objects.create(link=link, delivery=delivery, by=by, why=why)
    tracking.forward(delivery, Delivery.State.DELIVERED)  # whoever asked: it arrived
    if why == "trap":
        _unmask(delivery, [pk for pk, *_of in others], "near trap")
    elif why == "burst":
        _unmask(delivery, together, "burst")
    if by == Click.By.PERSON:
        first = TrackingEvent(provider=PROVIDER, event_id=str(delivery.pk), kind="clicked", delivery=delivery, at=now)
        TrackingEvent.objects.bulk_create([first], ignore_conflicts=True)


def _unmask(delivery, clicks, why):
    """Clicks that passed for a person's were a scanner's."""
    passed = delivery.clicks.filter(pk__in=clicks).exclude(by=Click.By.SCANNER)
    if passed.update(by=Click.By.SCANNER, why=why) and not delivery.clicks.filter(by=Click.By.PERSON).exists():
        TrackingEvent.objects.filter(provider=PROVIDER, event_id=str(delivery.pk)).delete()
