"""One settings file: everything comes from the environment, with safe defaults for a laptop.

Production sets at least SECRET_KEY, DATABASE_URL, REDIS_URL, PUBLIC_URL and a channel for email;
`coalition.checks` names what is missing or contradictory. DEBUG is off unless asked for, and without it nothing starts
on a default secret.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from coalition import embedded, logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
VAR = Path(env("VAR_FOLDER", default=str(BASE_DIR / "var")))

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
if DEMO and not DEBUG:
    raise ImproperlyConfigured("DEMO opens doors without a password: it is refused while DEBUG is off.")

DEFAULT_SECRET = "only-for-a-laptop-" + "0" * 40
SECRET_KEY = env("SECRET_KEY", default=DEFAULT_SECRET)
# Hashes on the suppression list must outlive a change of SECRET_KEY, so they have a key of their own.
SUPPRESSION_KEY = env("SUPPRESSION_KEY", default=SECRET_KEY)
# Sensitive fields are encrypted under the first key; to change it, put the new one in front of the old.
FIELD_KEYS = env.list("FIELD_KEYS", default=[SECRET_KEY])
if not DEBUG and SECRET_KEY == DEFAULT_SECRET:
    raise ImproperlyConfigured("Set SECRET_KEY: the default one is only for DEBUG.")

PUBLIC_URL = env("PUBLIC_URL", default=f"http://127.0.0.1:{env('PORT', default='8000')}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [_public.hostname])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
WAGTAILADMIN_BASE_URL = PUBLIC_URL

INSTALLED_APPS = [
    "cms",
    "campaigns",
    "coalition",
    "wagtail_localize",
    "wagtail_localize.locales",
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.contrib.settings",
    "wagtail.contrib.routable_page",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "anymail",
    "axes",
    "django_htmx",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "import_export",
    "pgtrigger",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "coalition.middleware.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "coalition.middleware.AuditMiddleware",
    "coalition.middleware.StaffMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
    "coalition.middleware.DemoNotFoundMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "coalition.urls"
WSGI_APPLICATION = "coalition.wsgi.application"
ASGI_APPLICATION = "coalition.asgi.application"
FORMS_URLFIELD_ASSUME_HTTPS = True  # an address typed without a scheme; Django 6 does it unasked
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.i18n",
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "coalition.context.installation",
            ],
        },
    },
]

# Database: a server's by DATABASE_URL, else the embedded one, which every process of this checkout shares.
if "DATABASE_URL" in env:
    DATABASES = {"default": env.db("DATABASE_URL")}
elif DEBUG:
    DATABASES = {"default": embedded.ensure_running()}
else:
    raise ImproperlyConfigured("Set DATABASE_URL: the embedded database is only for DEBUG.")
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="")
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "coalition.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "wagtailadmin_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
]

# Languages: English and Spanish as equals. Adding one here adds its column to every bilingual field.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
WAGTAIL_CONTENT_LANGUAGES = LANGUAGES
WAGTAILADMIN_PERMITTED_LANGUAGES = LANGUAGES
WAGTAIL_I18N_ENABLED = True
LOCALE_PATHS = [BASE_DIR / "coalition" / "locale"]
FORMAT_MODULE_PATH = ["coalition.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env("TIME_ZONE", default="America/New_York")
PHONE_REGION = env("PHONE_REGION", default="US")

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
if DEBUG:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a missing one
MEDIA_URL = "media/"
MEDIA_ROOT = VAR / "media"
PRIVATE_ROOT = VAR / "private"  # import files and the like: never served
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": PRIVATE_ROOT}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_ESCAPE_ILLEGAL_CHARS_ON_EXPORT = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# Wagtail: no calls out, no gravatars.
WAGTAIL_SITE_NAME = "Coalition"
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_WORKFLOW_ENABLED = True
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
WAGTAILDOCS_EXTENSIONS = ["csv", "docx", "pdf", "txt", "xlsx"]

# Queue: Redis in production, files on a laptop. The database is the truth: losing the queue loses nothing.
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 1800,  # above the longest task, or a running one is delivered twice
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
else:
    CELERY_BROKER_URL = "filesystem://localhost"  # the name means nothing, but without one kombu warns
    _queue = VAR / "queue"
    for _folder in ("messages", "processed", "control"):
        (_queue / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "processed_folder": str(_queue / "processed"),
        "control_folder": str(_queue / "control"),
        "store_processed": False,
    }
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    "sweep-notices": {"task": "coalition.tasks.sweep", "schedule": 20.0},
    "look-for-duplicates": {"task": "coalition.tasks.look_for_duplicates", "schedule": 600.0},
    "remind-partners": {"task": "coalition.tasks.remind", "schedule": 300.0},
    "retain": {"task": "coalition.tasks.retain", "schedule": 3600.0},
    "sweep-messages": {"task": "campaigns.tasks.sweep", "schedule": 10.0},
    "report-on-messages": {"task": "campaigns.tasks.report", "schedule": 30.0},
}

# Seconds after the press of Send in which a message can still be called back.
SEND_HOLD_SECONDS = env.int("SEND_HOLD_SECONDS", default=60)

# Email: EMAIL_PROVIDER names a backend of Anymail's ("mailgun", "postmark" …), "smtp", or "simulated" (the outbox).
# What surely did not leave through it, because it was out of reach, goes through EMAIL_STANDBY_PROVIDER: another of
# Anymail's with its own ANYMAIL_* keys, or "smtp" with its server in EMAIL_STANDBY_URL.
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
_backends = {"": SMTP_BACKEND, "smtp": SMTP_BACKEND, "simulated": "coalition.channels.simulated.EmailBackend"}
EMAIL_PROVIDER = env("EMAIL_PROVIDER", default="simulated" if DEBUG else "")
EMAIL_BACKEND = _backends.get(EMAIL_PROVIDER, f"anymail.backends.{EMAIL_PROVIDER}.EmailBackend")
EMAIL_STANDBY_PROVIDER = env("EMAIL_STANDBY_PROVIDER", default="")
EMAIL_STANDBY_BACKEND = EMAIL_STANDBY_PROVIDER and _backends.get(
    EMAIL_STANDBY_PROVIDER, f"anymail.backends.{EMAIL_STANDBY_PROVIDER}.EmailBackend"
)
_standby = env.email_url("EMAIL_STANDBY_URL", default="smtp://localhost:25")
EMAIL_STANDBY_SERVER = {
    "host": _standby["EMAIL_HOST"],
    "port": _standby["EMAIL_PORT"],
    "username": _standby["EMAIL_HOST_USER"] or "",
    "password": _standby["EMAIL_HOST_PASSWORD"] or "",
    "use_tls": _standby.get("EMAIL_USE_TLS", False),
    "use_ssl": _standby.get("EMAIL_USE_SSL", False),
}
_server = env.email_url("EMAIL_URL", default="smtp://localhost:25")
EMAIL_HOST = _server["EMAIL_HOST"]
EMAIL_PORT = _server["EMAIL_PORT"]
EMAIL_HOST_USER = _server["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _server["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _server.get("EMAIL_USE_TLS", False)  # smtp+tls://
EMAIL_USE_SSL = _server.get("EMAIL_USE_SSL", False)  # smtp+ssl://
ANYMAIL = {key.removeprefix("ANYMAIL_"): env(key) for key in env.ENVIRON if key.startswith("ANYMAIL_")}
ANYMAIL.setdefault("WEBHOOK_SECRET", "demo:demo" if DEMO else None)
if ANYMAIL["WEBHOOK_SECRET"] is None:
    del ANYMAIL["WEBHOOK_SECRET"]
# Opens are nobody's business, and links are followed by our own redirect alone (rule E6). Other providers do neither.
for _name in ("MAILERSEND", "MAILGUN", "MAILJET", "MANDRILL", "POSTMARK", "SPARKPOST", "UNISENDER_GO"):
    ANYMAIL[f"{_name}_SEND_DEFAULTS"] = {"track_opens": False, "track_clicks": False}
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Riverbend Education Coalition <hello@riverbend.example.org>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_REPLY_TO = env("EMAIL_REPLY_TO", default="").strip()  # who takes the replies to messages; empty: who writes them
# What stands in the name service for the domain that writes: "v=spf1 …", the DKIM selector, "v=DMARC1; p=…" (E7).
EMAIL_SPF, EMAIL_DKIM, EMAIL_DMARC = (env(f"EMAIL_{name}", default="").strip() for name in ("SPF", "DKIM", "DMARC"))
EMAIL_TIMEOUT = 20
EMAIL_SESSIONS = env.int("EMAIL_SESSIONS", default=8)  # with a mail server, or calls to a provider, at once per worker
SENDING_AT_ONCE = env.int("SENDING_AT_ONCE", default=2)  # workers that one message may keep at a time
EMAIL_BATCH_SIZE = env.int("EMAIL_BATCH_SIZE", default=0)  # recipients per call (E5); 0: what the provider allows

# Texts: TEXT_PROVIDER is "twilio", "simulated" (the demo's phones) or "memory" (tests); empty switches texts off.
TEXT_PROVIDER = env("TEXT_PROVIDER", default="simulated" if DEBUG else "")
TWILIO_ACCOUNT_SID = env("TWILIO_ACCOUNT_SID", default="AC" + "0" * 32 if DEBUG else "")
TWILIO_AUTH_TOKEN = env("TWILIO_AUTH_TOKEN", default="demo-carrier-token" if DEBUG else "")
TWILIO_FROM = env("TWILIO_FROM", default="+14135550199" if DEBUG else "")  # a number, or a Messaging Service (MG…)

# Security
USE_X_FORWARDED_HOST = env.bool("BEHIND_PROXY", default=False)
if USE_X_FORWARDED_HOST:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", default=_https and not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31536000 if _https else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # Wagtail's preview is a frame of our own
SESSION_COOKIE_AGE = 60 * 60 * 12
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/admin/",),  # Wagtail's editors need inline scripts; nothing else does
    "DIRECTIVES": {
        "default-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    },
}
# Staff: a second factor where asked for (or in the coalition's settings), and a door that closes after failures. What
# was typed as a name is counted under a keyed hash, and nothing of it is logged.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = env("SECOND_FACTOR_NAME", default=_public.hostname)
AXES_FAILURE_LIMIT = env.int("SIGN_IN_FAILURES", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("SIGN_IN_WAIT_MINUTES", default=15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "coalition.sign_ins.name_digest"
AXES_CLIENT_IP_CALLABLE = "coalition.middleware.origin_of"
AXES_LOCKOUT_CALLABLE = "coalition.views.signing_in.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
LOGGING = logs.LOGGING
SILENCED_SYSTEM_CHECKS = ["security.W019"]  # about X_FRAME_OPTIONS, see above
