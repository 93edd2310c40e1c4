"""System checks: name every missing, contradictory or still-default setting at start."""

from ctypes.util import find_library
from importlib.util import find_spec

from django.conf import settings
from django.core.checks import Error, Info, Tags, Warning, register
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from coalition.channels.base import TEXT_CHANNELS
from coalition.channels.provider import MERGES


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
    for name in ("EMAIL_PROVIDER", "EMAIL_STANDBY_PROVIDER", "TEXT_PROVIDER"):
        if getattr(settings, name) in ("simulated", "memory"):
            found.append(Error(f"{name} is simulated: nothing would leave.", id="coalition.E003"))
    if settings.TEXT_PROVIDER == "twilio":
        missing = [n for n in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM") if not getattr(settings, n)]
        found += [Error(f"{name} is not set.", id="coalition.E006") for name in missing]
    return found


# What each provider of Anymail's cannot work without: to send, and to prove its news.
NEEDED = {
    "amazon_ses": (),  # it takes Amazon's own credentials
    "brevo": ("BREVO_API_KEY",),
    "mailersend": ("MAILERSEND_API_TOKEN", "MAILERSEND_SIGNING_SECRET"),
    "mailgun": ("MAILGUN_API_KEY",),
    "mailjet": ("MAILJET_API_KEY", "MAILJET_SECRET_KEY"),
    "mailtrap": ("MAILTRAP_API_TOKEN", "MAILTRAP_TRACKING_SECRET"),
    "mandrill": ("MANDRILL_API_KEY", "MANDRILL_WEBHOOK_KEY"),
    "postal": ("POSTAL_API_KEY", "POSTAL_API_URL", "POSTAL_WEBHOOK_KEY"),
    "postmark": ("POSTMARK_SERVER_TOKEN",),
    "resend": ("RESEND_API_KEY",),
    "scaleway": ("SCALEWAY_SECRET_KEY", "SCALEWAY_PROJECT_ID"),
    "sparkpost": ("SPARKPOST_API_KEY",),
    "unisender_go": ("UNISENDER_GO_API_KEY", "UNISENDER_GO_API_URL"),
}
OUR_OWN = ("", "smtp", "simulated")
# The most recipients that a provider takes in a call (rule E5); of the others each recipient has a call.
IN_A_CALL = {name.lower().replace(" ", "_"): merge.most for name, merge in MERGES.items()}
# What stands in the name service for the domain that writes, as its administrator noted it (rule E7).
NOTED = {"EMAIL_SPF": "v=spf1", "EMAIL_DKIM": "", "EMAIL_DMARC": "v=DMARC1"}


@register()
def email(app_configs, **kwargs):
    """Providers and the domain that writes: what is missing, contradictory, or supported no longer (rule E7)."""
    found = []
    for name in ("EMAIL_PROVIDER", "EMAIL_STANDBY_PROVIDER"):
        found += _provider(name, getattr(settings, name))
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
    if settings.EMAIL_STANDBY_PROVIDER and settings.EMAIL_STANDBY_PROVIDER == settings.EMAIL_PROVIDER != "smtp":
        found.append(Error("EMAIL_STANDBY_PROVIDER is EMAIL_PROVIDER: nobody would stand by.", id="coalition.E009"))
    found += _secret()
    most = IN_A_CALL.get(settings.EMAIL_PROVIDER)
    if most and most < settings.EMAIL_BATCH_SIZE:
        found.append(
            Error(
                f"EMAIL_BATCH_SIZE is more than the {most} that {settings.EMAIL_PROVIDER} takes.", id="coalition.E011"
            )
        )
    if "example.org" in settings.DEFAULT_FROM_EMAIL:
        found.append(Error("DEFAULT_FROM_EMAIL is still the default one.", id="coalition.E005"))
    if settings.EMAIL_REPLY_TO and not _is_address(settings.EMAIL_REPLY_TO):
        hint = "Give the address alone, whose mail your provider takes in: replies@in.example.org."
        found.append(Error("EMAIL_REPLY_TO is not an email address.", hint=hint, id="coalition.E014"))
    return found + _domain()


def _is_address(text):
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _provider(name, provider):
    if provider in OUR_OWN:
        return []
    if provider == "sendgrid":
        return [Error("Anymail no longer supports SendGrid.", hint=f"Choose another {name}.", id="coalition.E001")]
    if provider not in NEEDED:
        known = "smtp, " + ", ".join(NEEDED)
        return [Error(f"{name} names no provider we know.", hint=f"Choose one of: {known}.", id="coalition.E008")]
    if settings.DEBUG:
        return []
    if provider == "amazon_ses" and find_spec("boto3") is None:
        hint = 'Install "django-anymail[amazon-ses]".'
        return [Error(f"{name} is amazon_ses, whose library is not installed.", hint=hint, id="coalition.E013")]
    missing = [key for key in NEEDED[provider] if not settings.ANYMAIL.get(key)]
    return [Error(f"ANYMAIL_{key} is not set: {provider} needs it.", id="coalition.E010") for key in missing]


def _secret():
    """The password of the webhooks: whoever has it can close addresses (rule E4)."""
    secret = settings.ANYMAIL.get("WEBHOOK_SECRET", "")
    if not secret:
        if settings.EMAIL_PROVIDER in OUR_OWN:
            return []
        return [
            Error(
                "ANYMAIL_WEBHOOK_SECRET is not set: anybody could report bounces.",
                hint='Set it to "name:password" and use both in the webhook address given to the provider.',
                id="coalition.E004",
            )
        ]
    name, _colon, password = secret.partition(":")
    if not name or len(password) < 12:
        return [
            Error(
                "ANYMAIL_WEBHOOK_SECRET is too easy to guess.",
                hint='It reads "name:password", with a password of at least 12 characters.',
                id="coalition.E012",
            )
        ]
    return []


def unnoted():
    """The settings that should say what stands in the name service for the domain that writes, and do not."""
    noted = {name: getattr(settings, name) for name in NOTED}
    return [name for name, said in noted.items() if not said or not said.startswith(NOTED[name])]


def _domain():
    """Without these three, mail services take bulk email for spam, or for nobody's."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
    missing = unnoted()
    if not missing:
        return []
    return [
        Warning(
            f"No {', '.join(name.removeprefix('EMAIL_') for name in missing)} is noted for {domain}, which writes our "
            "email.",
            hint=(
                f"Set it up with your provider and note in {', '.join(missing)} what stands in the name service: "
                '"v=spf1 …", the selector of the DKIM key, "v=DMARC1; p=…".'
            ),
            id="coalition.W006",
        )
    ]
