"""The page of the coalition's settings: kept whole, within the law, for administrators alone."""

from datetime import time

import pytest
from django.forms import model_to_dict
from django.urls import reverse

from coalition import accounts
from coalition.accounts import Role
from coalition.models import Installation
from tests import factories

PAGE = "coalition_settings:index"


def staff(role):
    return accounts.give_role(factories.UserFactory(is_superuser=False), role)


def posted(installation, **changes):
    data = model_to_dict(installation) | {"quiet_until": "09:00", "quiet_from": "20:00", "quiet_until_sunday": "12:00"}
    for name in ("name", "short_name", "text_programme", "disclaimer", "email_wording", "text_wording"):
        said = data.pop(name) or {}
        data |= {f"{name}_{n}": said.get(code, "") for n, code in enumerate(("en", "es"))}
    return {name: value for name, value in (data | changes).items() if value not in (None, False)}


def test_an_administrator_changes_what_the_coalition_says_of_itself(client, installation):
    client.force_login(staff(Role.ADMINISTRATOR))
    assert client.get(reverse(PAGE)).status_code == 200
    answer = client.post(
        reverse(PAGE), posted(installation, name_1="Coalición del Río", quiet_from="19:30", soft_bounces="4")
    )
    assert answer.status_code == 302
    kept = Installation.get()
    assert kept.name.data == {"en": "Riverbend Education Coalition", "es": "Coalición del Río"}
    assert (kept.quiet_from, kept.soft_bounces) == (time(19, 30), 4)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quiet_until": "07:00"}, "quiet_until"),
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"quiet_until_sunday": "20:00"}, "quiet_until_sunday"),
    ],
)
def test_S7_the_hours_for_texts_stay_within_the_law(client, installation, changes, field):
    client.force_login(staff(Role.ADMINISTRATOR))
    page = client.post(reverse(PAGE), posted(installation, **changes))
    assert list(page.context["form"].errors) == [field]
    assert Installation.get().quiet_until == time(9)


def test_A3_the_rules_for_bulk_messages_are_data_that_an_administrator_changes(client, installation):
    client.force_login(staff(Role.ADMINISTRATOR))
    words = " Democrat \r\nvote   for\r\n\r\nDemocrat\r\n"
    changes = {"second_reader": "on", "partisan_words": words, "reading_ease": "60", "breaker_complaints": "0.1"}
    assert client.post(reverse(PAGE), posted(installation, emails_at_most="3", **changes)).status_code == 302
    kept = Installation.get()
    assert (kept.second_reader, kept.partisan_words, kept.reading_ease) == (True, "Democrat\nvote for", 60)
    assert (kept.emails_at_most, str(kept.breaker_complaints)) == (3, "0.1")
    assert client.post(reverse(PAGE), posted(installation)).status_code == 302
    assert Installation.get().emails_at_most is None


@pytest.mark.parametrize("field", ["soft_bounces", "filtered_percent", "personal_link_days", "emails_at_most"])
def test_a_threshold_is_never_zero(client, installation, field):
    client.force_login(staff(Role.ADMINISTRATOR))
    page = client.post(reverse(PAGE), posted(installation, **{field: "0"}))
    assert page.context["form"].errors == {field: ["Enter 1 or more."]}


@pytest.mark.parametrize("role", [Role.ORGANIZER, Role.EDITOR, Role.TRANSLATOR, Role.ANALYST])
def test_nobody_else_may_open_it(client, installation, role):
    client.force_login(staff(role))
    assert client.get(reverse(PAGE)).status_code == 302  # Wagtail's way of refusing
    assert client.post(reverse(PAGE), posted(installation, soft_bounces="1")).status_code == 302
    assert Installation.get().soft_bounces == 5


def test_E6_openings_are_counted_only_once_an_administrator_says_so(client, installation):
    client.force_login(staff(Role.ADMINISTRATOR))
    assert Installation.get().count_opens is False
    assert client.post(reverse(PAGE), posted(installation, count_opens="on")).status_code == 302
    assert Installation.get().count_opens is True
    assert client.post(reverse(PAGE), posted(installation)).status_code == 302
    assert Installation.get().count_opens is False
