"""A real browser against a live server, with a worker on an in-memory queue: what people do, seen as they see it."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from celery.contrib.testing.tasks import ping
from celery.contrib.testing.worker import start_worker
from celery.worker import state
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils.translation import gettext, override
from playwright.sync_api import sync_playwright
from wagtail.models import Collection, Locale, Page, Site
from wagtail.users.models import UserProfile

from cms.demo import filling, loading
from coalition.celery import app
from coalition.models import Installation, User
from tests.browser import chromium
from tests.postgresql import rows

SIZES = {390: (390, 844), 1280: (1280, 900)}
PICTURES = os.environ.get("PICTURES")  # a folder for screenshots of every step
SETTLED = """() => document.getAnimations()
    .filter(a => Number.isFinite(a.effect.getComputedTiming().endTime)).forEach(a => a.finish())"""
# What scrolls: in the back office a part of the page, which hides what is too wide.
SCROLLS = "document.querySelector('.content-wrapper') || document.documentElement"
# As a server or a container starts it: no sandbox as root, no calls to its maker.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser():
    path = chromium.find()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("There is no Chromium; with CI=true the browser journeys must run.")
        pytest.skip("There is no Chromium here: the browser journeys are skipped.")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs a loop of its own in this thread
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=["en", "es"])
def language(request):
    return request.param


@pytest.fixture
def width(request, language):
    """Each journey is walked twice: on a desk in one language, on a phone in the other."""
    return getattr(request, "param", {"en": 1280, "es": 390}[language])


@contextmanager
def at_work():
    """A worker beside the test, which stops as soon as it may."""
    with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR", shutdown_timeout=60):
        yield
        # It looks whether it should stop when something comes in, else every two seconds; and then once more.
        state.should_terminate = 0
        ping.delay()
        ping.delay()


@pytest.fixture
def working(transactional_db):
    """Call it for a context in which a worker takes what the live server queues; outside it, work waits to be seen."""
    return at_work


@pytest.fixture
def worker(working):
    """A Celery worker beside the whole test."""
    with working():
        yield


class Visitor:
    """One person's browser: pages, pictures on request, and axe on everything they see."""

    def __init__(self, context, server, width, language, picture_prefix):
        self.context, self.server, self.language, self.width = context, server, language, width
        self.page = context.new_page()
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._prefix, self._count = picture_prefix, 0

    def go(self, path):
        return self.page.goto(path if path.startswith("http") else self.server + path)

    def check(self, *, rules_off=()):
        """No script error, no sideways scrolling, the right language, and no violation that axe can find."""
        self._count += 1
        self.page.wait_for_load_state()  # a click ends when the next page begins
        self.page.wait_for_timeout(100)
        self.page.evaluate(SETTLED)  # what still fades in has colours that nobody will see
        if PICTURES:
            self._take_picture(Path(PICTURES))
        assert self.errors == []
        assert self.page.evaluate("document.documentElement.lang") == self.language
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "the page scrolls sideways"
        assert self.page.evaluate(f"({SCROLLS}).scrollWidth - ({SCROLLS}).clientWidth") <= 0, "the page is cut off"
        options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in rules_off}}
        found = Axe().run(self.page, options=options).response["violations"]
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found] == []

    def _take_picture(self, folder):
        """The whole page, also of the back office, where a part of it scrolls and not the window."""
        folder.mkdir(parents=True, exist_ok=True)
        hidden = self.page.evaluate(f"({SCROLLS}).scrollHeight - ({SCROLLS}).clientHeight")
        width, height = SIZES[self.width]
        self.page.set_viewport_size({"width": width, "height": height + hidden})
        self.page.screenshot(path=f"{folder}/{self._prefix}-{self._count:02d}.png", full_page=True)
        self.page.set_viewport_size({"width": width, "height": height})

    def enter_as(self, user):
        """Sign a member of staff in, as the log-in page would."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.server}])


@pytest.fixture
def visit(browser, live_server, width, language, request, settings):
    """Call it to open a browser for one more person."""
    settings.PUBLIC_URL = live_server.url
    # As in the demo: every email lands in the outbox, every text on a phone.
    settings.EMAIL_BACKEND = "coalition.channels.simulated.EmailBackend"
    settings.TEXT_PROVIDER = "simulated"
    contexts = []

    def open_one(*, language=language):
        context = browser.new_context(
            viewport=dict(zip(("width", "height"), SIZES[width], strict=True)),
            locale={"en": "en-US", "es": "es-US"}[language],
            reduced_motion="reduce",
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        name = request.node.name.replace("[", "-").replace("]", "").replace("/", "-")
        return Visitor(context, live_server.url, width, language, f"{name}-{len(contexts)}")

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def office(transactional_db):
    """The demo's settings and staff, and nothing on its public site."""
    if not Page.objects.exists():  # another test emptied every table, also of what Wagtail's migrations had put there
        Locale.objects.get_or_create(language_code="en")
        Collection.add_root(name="Root")
        Page.add_root(title="Root", slug="root", content_type=ContentType.objects.get_for_model(Page))
    filling.fill_installation(None)
    return Installation.get()


@pytest.fixture(scope="session")
def towns():
    """What a whole town is made of, once somebody has built one."""
    return {}


@pytest.fixture
def town(office, live_server, settings, towns):
    """The office with the demo's webinars and pages, without its five thousand people.

    Wagtail takes seconds to plant its pages: the first journey of a process does, the others have their rows copied in.
    """
    settings.PUBLIC_URL = live_server.url  # where the site stands
    if towns:
        rows.put(towns)
    else:
        Page.objects.filter(depth__gt=1).delete()
        filling.fill_webinars(None)
        loading.load_pages()
        towns.update(rows.taken())
    # Wagtail remembers sites per process, and the tables were emptied under it.
    Site.clear_site_root_paths_cache()
    return Installation.get()


@pytest.fixture
def staff(office, language):
    """Call it with an email address of the demo's staff: that person, who works in the language of the test."""

    def of(email):
        user = User.objects.get(email=email)
        profile = UserProfile.get_for_user(user)
        profile.preferred_language = language
        profile.save()
        return user

    return of


@pytest.fixture
def say(language):
    """A word of the interface in the language of the test, so that one journey reads both."""

    def said(text, **values):
        with override(language):
            return gettext(text) % values if values else gettext(text)

    return said


def wait_for(condition, *, seconds=60):
    """Poll until `condition()` is true and return it: what a worker does takes a moment."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"nothing came of it within {seconds} s")
        time.sleep(0.1)
    return found
