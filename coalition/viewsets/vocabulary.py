"""Regions, constituencies and topics in the settings of the back office."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.admin.viewsets.model import ModelViewSet

from coalition.forms.vocabulary import ConstituencyForm, RegionForm, TopicForm
from coalition.models import Constituency, Region, Topic
from coalition.views import vocabulary


class WordViewSet(ModelViewSet):
    """Words that others choose from; `words` is what their pages say."""

    add_to_settings_menu = True
    add_to_reference_index = False
    form_class = None
    index = vocabulary.Words
    words = {}

    def get_form_class(self, for_update=False):
        return self.form_class

    def built(self, view, **kwargs):
        return self.construct_view(view, model=self.model, words=self.words, **kwargs)

    def get_urlpatterns(self):
        forms = {"form_class": self.form_class}
        return [
            path("", self.built(self.index), name="index"),
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
        "usual": True,
    }

    def get_urlpatterns(self):
        return [*super().get_urlpatterns(), path("usual/", self.built(vocabulary.AddUsual), name="usual")]


class TopicViewSet(WordViewSet):
    model = Topic
    form_class = TopicForm
    index = vocabulary.Topics
    name = "topics"
    url_prefix = "topics"
    icon = "comment"
    menu_label = _("Topics")
    menu_order = 60
    words = {
        "name": "topics",
        "title": _("Topics"),
        "add": _("Add a topic"),
        "about": _("What a message can be about. Everybody hears of every topic until they mute it on their own page."),
        "none": _("No topic yet"),
        "held_by": _("Muted by"),
    }
