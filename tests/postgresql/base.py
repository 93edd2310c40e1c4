"""Django's PostgreSQL backend, which empties small tables after a test by DELETE.

TRUNCATE makes a new file for each of 130 tables and waits for the disk; with a handful of rows DELETE takes a tenth of
that. What migrations put there for every test alike (permissions, content types, languages, roles) stays.
"""

from django.apps import apps
from django.db.backends.postgresql import base, operations

KEPT = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "wagtailcore_locale",
}


class DatabaseOperations(operations.DatabaseOperations):
    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        # Foreign keys are deferred, and all of this is one transaction: the order does not matter.
        emptied = [f"DELETE FROM {self.quote_name(table)}" for table in tables if table not in KEPT]
        # Triggers that refuse to delete, by the names they have in the database.
        triggers = [t.get_pgid(model) for model in apps.get_models() for t in getattr(model._meta, "triggers", ())]
        return [f"SELECT set_config('pgtrigger.ignore', '{{{','.join(triggers)}}}', true)", *emptied]


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
