"""People in the back office."""

from django.urls import path
from django.utils.translation import gettext_lazy as _
from wagtail.snippets.views.snippets import SnippetViewSet

from coalition.forms.people import PersonForm
from coalition.models import Person
from coalition.views.people import editing, listing, person
from coalition.views.sensitive import SensitiveDetails
from coalition.viewsets.rooms import Room


class PersonViewSet(Room, SnippetViewSet):
    model = Person
    url_namespace = "people"
    url_prefix = "people"
    icon = "user"
    menu_label = _("People")
    menu_name = "people"
    menu_order = 100
    index_view_class = listing.PeopleIndex
    add_view_class = editing.AddPerson
    edit_view_class = editing.EditPerson
    inspect_view_class = person.PersonPage
    own = ("index", "add", "edit", "inspect")
    without = ("delete", "usage")

    def get_form_class(self, for_update=False):
        return PersonForm

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(**kwargs)
        del kwargs["queryset"]  # the list asks for its people itself
        return kwargs

    def get_urlpatterns(self):
        return [
            path("", self.index_view, name="list"),
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="list_results"),
            path("add/", self.add_view, name="add"),
            path("inspect/<int:pk>/", self.inspect_view, name="inspect"),
            path("inspect/<int:pk>/edit/", self.edit_view, name="edit"),
            path("inspect/<int:pk>/note/", self.construct_view(person.AddNote), name="note"),
            path("inspect/<int:pk>/sensitive/", self.construct_view(SensitiveDetails), name="sensitive"),
            path("inspect/<int:pk>/tags/", self.construct_view(person.EditTags), name="tags"),
            path("inspect/<int:pk>/lists/", self.construct_view(person.ChangeLists), name="lists"),
            path("inspect/<int:pk>/bin/", self.construct_view(person.BinPerson), name="bin"),
            path("inspect/<int:pk>/restore/", self.construct_view(person.RestorePerson), name="restore"),
            path("inspect/<int:pk>/stop/", self.construct_view(person.RecordStop), name="stop"),
            path("history/<int:pk>/", self.history_view, name="history"),
            path("history-results/<int:pk>/", self.history_results_view, name="history_results"),
        ]

    def register_chooser_viewset(self):
        """No chooser: Wagtail's shows its list to everybody who may enter, and people are not for everybody."""
