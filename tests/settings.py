"""The settings of a test run: whatever a developer's environment says, nothing leaves the machine."""

import os

# DATABASE_URL and REDIS_URL stay: the service tests name theirs.
CLEARED = (
    "ALLOWED_HOSTS BEHIND_PROXY EMAIL_URL HSTS_SECONDS PHONE_REGION PORT PUBLIC_URL SSL_REDIRECT TIME_ZONE TWILIO_FROM"
)
for name in CLEARED.split():
    os.environ.pop(name, None)
os.environ |= {"DEBUG": "1", "DEMO": "0", "EMAIL_PROVIDER": "simulated", "TEXT_PROVIDER": "memory"}

from coalition.settings import *  # noqa: E402, F403
from coalition.settings import REDIS_URL  # noqa: E402

if not REDIS_URL:
    CELERY_BROKER_URL = "memory://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.05}
CELERY_WORKER_TIMER_PRECISION = 0.1  # a worker that stops waits for its clock
SEND_HOLD_SECONDS = 0  # tests that hold a message say so
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A clean checkout has collected no static files yet.
WHITENOISE_AUTOREFRESH = True
# A test run need not survive a power cut: not waiting for the disk halves it.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"  # noqa: F405
DATABASES["default"]["ENGINE"] = "tests.postgresql"  # noqa: F405
# The search and reference indexes of pages are Wagtail's own; no test asks them, and they cost a third of each page.
TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}}
