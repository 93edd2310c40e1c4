"""A field that stands encrypted in the database: what only the pages of somebody's own record need to read.

Beside it keyed marks: they let a query find who holds a value, while a copy of the database does not say what a mark
stands for. Both hang on FIELD_KEYS: the first key seals and marks, the others still open and find (`manage.py reseal`).
"""

import base64
import hashlib
import hmac
import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

MARK_LENGTH = 24


def _keys(purpose):
    keys = [key for key in settings.FIELD_KEYS if key.strip()]
    if not keys:
        raise ImproperlyConfigured("FIELD_KEYS is empty: sensitive fields can be neither sealed nor opened.")
    return tuple(hashlib.sha256(f"{purpose}:{key}".encode()).digest() for key in keys)


@lru_cache(maxsize=4)
def _made(keys):
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def _fernet():
    """Fernet under the first of FIELD_KEYS; the further ones still open what was sealed before a change of key."""
    return _made(_keys("field"))


def seal(value):
    """Any JSON value, encrypted and authenticated under the first key."""
    return _fernet().encrypt(json.dumps(value, ensure_ascii=False).encode()).decode()


def unseal(sealed):
    """What was sealed under any of the keys. Raises ImproperlyConfigured when none of them opens it."""
    try:
        return json.loads(_fernet().decrypt(sealed.encode()))
    except InvalidToken:
        raise ImproperlyConfigured(
            "A sealed field cannot be opened: FIELD_KEYS lacks the key it was sealed under."
        ) from None


def marks_for(text):
    """The mark of a text under every key, the one in force first."""
    return [hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:MARK_LENGTH] for key in _keys("mark")]


class SealedField(models.TextField):
    """Any JSON value, encrypted and authenticated (Fernet); never searched, never indexed. Empty values stay empty."""

    def get_prep_value(self, value):
        return "" if value in (None, "", {}, []) else seal(value)

    def from_db_value(self, value, expression, connection):
        return unseal(value) if value else {}

    def to_python(self, value):
        return unseal(value) if isinstance(value, str) and value else value

    def value_to_string(self, obj):
        """What is dumped as a fixture stays sealed."""
        return self.get_prep_value(self.value_from_object(obj))

    def get_lookup(self, lookup_name):
        """Encryption is different each time, so no comparison could ever find anything."""
