"""System checks: name every missing, contradictory or still-default setting at start."""

from ctypes.util import find_library

from django.conf import settings
from django.core.checks import Error, Info, Tags, Warning, register

from coalition.channels.base import TEXT_CHANNELS


@register(Tags.security)
def secrets(app_configs, **kwargs):
    found = []
    if settings.DEBUG:
        return found
    if settings.SUPPRESSION_KEY == settings.SECRET_KEY:
        found.append(
            Warning(
                "SUPPRESSION_KEY is the same as SECRET_KEY.",
                hint="Give it a key of its own: changing SECRET_KEY would reopen every address that was erased.",
                id="coalition.W001",
            )
        )
    if settings.SECRET_KEY in settings.FIELD_KEYS:
        found.append(
            Warning(
                "FIELD_KEYS is the same as SECRET_KEY.",
                hint=(
                    "Give sensitive fields a key of their own: put it in front of the old one, run `manage.py reseal`, "
                    "then take the old one away."
                ),
                id="coalition.W005",
            )
        )
    if settings.PUBLIC_URL.startswith("http://"):
        found.append(Warning("PUBLIC_URL is not https: links in messages would not be safe.", id="coalition.W002"))
    if settings.SECURE_SSL_REDIRECT and not settings.USE_X_FORWARDED_HOST:
        found.append(
            Warning(
                "SSL_REDIRECT is on and BEHIND_PROXY is off: behind a proxy every page would redirect to itself.",
                hint="Set BEHIND_PROXY=1 where a proxy sets X-Forwarded-Host and X-Forwarded-Proto itself.",
                id="coalition.W004",
            )
        )
    if not settings.REDIS_URL:
        found.append(Warning("REDIS_URL is not set: the filesystem queue is meant for a laptop.", id="coalition.W003"))
    return found


@register()
def fonts(app_configs, **kwargs):
    """PDFs need Pango, which no package of Python's brings along."""
    if not settings.DEBUG and find_library("pango-1.0-0") is None and find_library("pango-1.0") is None:
        return [
            Info(
                "Pango is not installed: publications and certificates can be printed, and not saved as PDF.",
                hint="On Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 fonts-liberation",
                id="coalition.I001",
            )
        ]
    return []


@register()
def channels(app_configs, **kwargs):
    found = []
    if settings.EMAIL_PROVIDER == "sendgrid":
        found.append(
            Error("Anymail no longer supports SendGrid.", hint="Choose another EMAIL_PROVIDER.", id="coalition.E001")
        )
    if settings.TEXT_PROVIDER not in TEXT_CHANNELS:
        found.append(
            Error(
                "TEXT_PROVIDER names no carrier we know.",
                hint="Choose one of: " + ", ".join(sorted(filter(None, TEXT_CHANNELS))) + "; empty switches texts off.",
                id="coalition.E007",
            )
        )
    if settings.DEBUG:
        return found
    if not settings.EMAIL_PROVIDER:
        found.append(
            Error(
                "EMAIL_PROVIDER is not set.",
                hint='Name a backend of Anymail\'s (such as "mailgun") or "smtp" with EMAIL_URL.',
                id="coalition.E002",
            )
        )
    for name in ("EMAIL_PROVIDER", "TEXT_PROVIDER"):
        if getattr(settings, name) in ("simulated", "memory"):
            found.append(Error(f"{name} is simulated: nothing would leave.", id="coalition.E003"))
    if settings.EMAIL_PROVIDER not in ("", "smtp", "simulated") and "WEBHOOK_SECRET" not in settings.ANYMAIL:
        found.append(
            Error(
                "ANYMAIL_WEBHOOK_SECRET is not set: anybody could report bounces.",
                hint='Set it to "name:password" and use both in the webhook address given to the provider.',
                id="coalition.E004",
            )
        )
    if "example.org" in settings.DEFAULT_FROM_EMAIL:
        found.append(Error("DEFAULT_FROM_EMAIL is still the default one.", id="coalition.E005"))
    if settings.TEXT_PROVIDER == "twilio":
        missing = [n for n in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM") if not getattr(settings, n)]
        found += [Error(f"{name} is not set.", id="coalition.E006") for name in missing]
    return found
