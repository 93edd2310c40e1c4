"""Languages of addresses: a missing thing is missing, an address without a language gets one."""

import pytest
from django.urls import reverse

from tests import factories


def test_what_a_view_does_not_find_is_not_found(client, db):
    client.force_login(factories.UserFactory())
    answer = client.get(reverse("conversations:inspect", args=[1]))
    assert (answer.status_code, answer["Content-Language"]) == (404, "en")


@pytest.mark.parametrize(("accepts", "there"), [("es", "/es/about/"), ("en", "/en/about/")])
def test_an_address_without_a_language_is_tried_in_the_readers(client, db, accepts, there):
    answer = client.get("/about/", headers={"Accept-Language": accepts})
    assert (answer.status_code, answer.url) == (302, there)
