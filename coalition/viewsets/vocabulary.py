"""Regions and constituencies in the settings of the back office."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.vocabulary import ConstituencyForm, RegionForm
from coalition.models import Constituency, Region
from coalition.views import vocabulary


class WordViewSet(ModelViewSet):
    """Words that others choose from; `words` is what their pages say."""

    add_to_settings_menu = True
    add_to_reference_index = False
    form_class = None
    words = {}

    def get_form_class(self, for_update=False):
        return self.form_class

    def built(self, view, **kwargs):
        return self.construct_view(view, model=self.model, words=self.words, **kwargs)

    def get_urlpatterns(self):
        forms = {"form_class": self.form_class}
        return [
            path("", self.built(vocabulary.Words), name="index"),
            path("add/", self.built(vocabulary.AddWord, **forms), name="add"),
            path("<int:pk>/", self.built(vocabulary.EditWord, **forms), name="edit"),
            path("<int:pk>/retire/", self.built(vocabulary.RetireWord), name="retire"),
        ]


class RegionViewSet(WordViewSet):
    model = Region
    form_class = RegionForm
    name = "regions"
    url_prefix = "regions"
    icon = "globe"
    menu_label = _("Regions")
    menu_order = 40
    words = {
        "name": "regions",
        "title": _("Regions"),
        "add": _("Add a region"),
        "about": _("Parts of the country as the coalition speaks of them, such as “Pioneer Valley”."),
        "none": _("No region yet"),
        "filter": "region",
    }


class ConstituencyViewSet(WordViewSet):
    model = Constituency
    form_class = ConstituencyForm
    name = "constituencies"
    url_prefix = "constituencies"
    icon = "group"
    menu_label = _("Constituencies")
    menu_order = 50
    words = {
        "name": "constituencies",
        "title": _("Constituencies"),
        "add": _("Add a constituency"),
        "about": _("Communities that people may say they belong to, and that organizations say they serve."),
        "none": _("No constituency yet"),
        "filter": "constituency",
    }
