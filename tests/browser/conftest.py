"""A real browser against a live server, with a worker on an in-memory queue: what people do, seen as they see it."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.test import Client
from playwright.sync_api import sync_playwright

from coalition.celery import app
from tests.browser import chromium

SIZES = {390: (390, 844), 1280: (1280, 900)}
PICTURES = os.environ.get("PICTURES")  # a folder for screenshots of every step
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


@pytest.fixture(params=sorted(SIZES), ids=lambda width: f"{width}px")
def width(request):
    return request.param


@pytest.fixture(params=["en", "es"])
def language(request):
    return request.param


@pytest.fixture
def worker(transactional_db):
    """A Celery worker beside the test, on the queue that the live server writes to."""
    with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR"):
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
        response = self.page.goto(path if path.startswith("http") else self.server + path)
        return response

    def check(self, *, rules_off=()):
        """No script error, no sideways scrolling, the right language, and no violation that axe can find."""
        self._count += 1
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{PICTURES}/{self._prefix}-{self._count:02d}.png", full_page=True)
        assert self.errors == []
        assert self.page.evaluate("document.documentElement.lang") == self.language
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "the page scrolls sideways"
        options = {"resultTypes": ["violations"], "rules": {rule: {"enabled": False} for rule in rules_off}}
        found = Axe().run(self.page, options=options).response["violations"]
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]][:3]) for v in found] == []

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
    contexts = []

    def open_one(*, language=language):
        context = browser.new_context(
            viewport=dict(zip(("width", "height"), SIZES[width], strict=True)),
            locale={"en": "en-US", "es": "es-US"}[language],
            reduced_motion="reduce",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        name = request.node.name.replace("[", "-").replace("]", "").replace("/", "-")
        return Visitor(context, live_server.url, width, language, f"{name}-{len(contexts)}")

    yield open_one
    for context in contexts:
        context.close()
