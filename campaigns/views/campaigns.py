"""The back office's pages about campaigns: what serves one aim, in one place."""

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from wagtail.admin.ui.tables import Column, NumberColumn, TitleColumn
from wagtail.admin.views import generic

from campaigns import results
from campaigns.models import Campaign, Message, Webinar
from coalition.views.screens import Index, counted

SHOWN = 50


class CampaignsIndex(Index):
    page_title = gettext_lazy("Campaigns")
    add_item_label = gettext_lazy("Add a campaign")
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            self._get_title_column("name", TitleColumn, width="50%"),
            Column("bill", label=_("Bill or docket")),
            NumberColumn("message_count", label=_("Messages")),
            NumberColumn("webinar_count", label=_("Webinars")),
        ]

    def _get_title_column(self, field_name, column_class=TitleColumn, **kwargs):
        return self._get_title_column_class(column_class)(
            "name", label=_("Name"), accessor=str, get_url=self.get_inspect_url, **kwargs
        )

    def get_base_queryset(self):
        return Campaign.objects.annotate(
            message_count=counted(Message.objects, "campaign"), webinar_count=counted(Webinar.objects, "campaign")
        )


class CampaignPage(generic.InspectView):
    """A campaign with its messages and webinars."""

    template_name = "campaigns/campaigns/inspect.html"
    header_icon = "thumbtack"

    def get_page_title(self):
        return str(self.object)

    def get_page_subtitle(self):
        return ""

    def get_breadcrumbs_items(self):
        return [
            *self.breadcrumbs_items,
            {"url": reverse("backoffice_campaigns:index"), "label": _("Campaigns")},
            {"url": "", "label": str(self.object)},
        ]

    def get_context_data(self, **kwargs):
        rows = list(self.object.messages.all()[:SHOWN])
        figures = results.figures_of(rows)
        return super().get_context_data(**kwargs) | {
            "campaign": self.object,
            "rows": [(message, figures[message.pk]) for message in rows],
            "webinars": self.object.webinars.all()[:SHOWN],
            "may_write": self.request.user.has_perm("campaigns.add_message"),
        }


class Delete(generic.DeleteView):
    """Only a campaign without messages can go: what was sent belongs to it."""

    queryset = Campaign.objects.filter(messages=None)
