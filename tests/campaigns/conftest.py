"""What the tests of campaigns share: who sits at the back office, and workers that press at the same moment."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection

from coalition import accounts
from tests.factories import UserFactory


def user_of(role, **fields):
    accounts.ensure_roles()
    user = UserFactory(is_superuser=False, **fields)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def organizer(installation, client):
    """Ana Rosado, signed in."""
    user = user_of(accounts.Role.ORGANIZER, first_name="Ana", last_name="Rosado")
    client.force_login(user)
    return user


def four_at_once(work):
    """Run it in four threads, each with a connection of its own, until the last of them is through."""

    def apart():
        try:
            work()
        finally:
            connection.close()

    workers = [threading.Thread(target=apart) for _n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class Away:
    """A database that refuses what contains these words."""

    def __init__(self, words):
        self.words = words

    def __call__(self, execute, sql, params, many, context):
        if self.words in sql:
            raise OperationalError("the database is away")
        return execute(sql, params, many, context)
