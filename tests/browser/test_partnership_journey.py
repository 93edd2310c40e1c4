"""An organizer moves a partner along the board with the keys alone, takes it back, and is asked before one leaves."""

import pytest
from django.utils.translation import override

from coalition import organizations
from coalition.models import Organization
from tests import factories
from tests.browser.conftest import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Stage = Organization.Stage


def typed(select, stage):
    """Whether the name of a stage, typed on a select, chose it: one that is typed too slowly begins anew."""
    select.page.keyboard.type(str(stage.label))
    return select.input_value() == stage


def test_the_board_by_keyboard(visit, office, staff, language):
    held = organizations.keep(factories.OrganizationFactory.build(name="El Faro", stage=Stage.PARTNER))
    factories.RepresentativeFactory(organization=held)
    organizations.keep(factories.OrganizationFactory.build(name="Ándale", stage=Stage.IDENTIFIED))
    organizer = visit()
    organizer.enter_as(staff("organizer@riverbend.example.org"))
    page = organizer.page
    organizer.go("/admin/organizations/board/?column=partner")
    organizer.check()

    def move(stage):
        card = page.locator(f"#card-{held.pk}")
        card.locator("summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        with override(language):
            wait_for(lambda: typed(page.locator("select:focus"), stage))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

    def stands(stage):
        page.locator(f'[data-stage="{stage}"] #card-{held.pk}').wait_for(state="attached")
        page.locator("#board-said [tabindex]:focus").wait_for()  # what was said takes the keys once all is in its place
        return Organization.objects.get(pk=held.pk).stage == stage

    move(Stage.PAUSED)
    assert stands(Stage.PAUSED)
    organizer.check()
    page.keyboard.press("Tab")  # from what happened to its undo
    page.keyboard.press("Enter")
    assert stands(Stage.PARTNER)

    move(Stage.LEFT)
    page.locator("#leaving-title").wait_for()
    organizer.check()
    assert stands(Stage.PARTNER)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert stands(Stage.LEFT)
    assert held.entries.count() == 4  # it was added, paused, taken back, and left
    organizer.check()
