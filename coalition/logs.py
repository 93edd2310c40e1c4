"""Structured logs without personal data: an event, ids and counts, never names, addresses or texts."""

import os
import re

import structlog

# What others write (a database's complaint, a path in an error) may hold what ours never does.
PRIVATE = [
    # A database tells the whole row that it refused: names, streets, notes, over several lines.
    (
        re.compile(r"\b(DETAIL|CONTEXT):.*?(?=\n\n?(?:The above|During handling|Traceback) |\Z)", re.DOTALL),
        r"\1: [row]",
    ),
    (re.compile(r"[^\s@'\"<>()\[\],;:/=]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"\+\d{8,15}\b"), "[phone]"),
    (re.compile(r"(?<=/)[\w:.=-]{20,}(?=/)"), "[token]"),
]


def mask(logger, name, event):
    """Take addresses, numbers and the secrets of personal links out of everything that is written."""
    return {key: _masked(value) if isinstance(value, str) else value for key, value in event.items()}


def _masked(text):
    for pattern, instead in PRIVATE:
        text = pattern.sub(instead, text)
    return text


_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                structlog.processors.JSONRenderer(),
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        # Django's own request lines name paths, and paths can hold tokens.
        "django.server": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        "axes": {"handlers": ["console"], "level": "ERROR", "propagate": False},  # its lines name who failed to sign in
        "fontTools": {"level": "ERROR"},
        "twilio": {"level": "WARNING"},
        "wagtail": {"level": "WARNING"},
        "weasyprint": {"level": "CRITICAL"},  # its lines hold whole pictures
        "django_tasks": {"level": "WARNING"},
    },
}

structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
