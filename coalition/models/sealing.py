"""A field that stands encrypted in the database: what only the pages of somebody's own record need to read."""

import base64
import hashlib
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _fernet():
    """Fernet under the first of FIELD_KEYS; the further ones still open what was sealed before a change of key."""
    keys = [hashlib.sha256(f"field:{key}".encode()).digest() for key in settings.FIELD_KEYS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])


class SealedField(models.TextField):
    """Any JSON value, encrypted and authenticated (Fernet); never searched, never indexed. Empty values stay empty."""

    def get_prep_value(self, value):
        if value in (None, "", {}, []):
            return ""
        return _fernet().encrypt(json.dumps(value, ensure_ascii=False).encode()).decode()

    def from_db_value(self, value, expression, connection):
        if not value:
            return {}
        try:
            return json.loads(_fernet().decrypt(value.encode()))
        except InvalidToken:
            raise ImproperlyConfigured(
                "A sealed field cannot be opened: FIELD_KEYS lacks the key it was sealed under."
            ) from None

    def to_python(self, value):
        return value
