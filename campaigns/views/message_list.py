"""The list of messages in the back office."""

from django.db.models import Case, Exists, Func, IntegerField, JSONField, OuterRef, Prefetch, Q, TextField, When
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import ChoiceFilter, ModelChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.widgets.button import HeaderButton

from campaigns import approving, results
from campaigns.models import Campaign, Message, MessageContent
from campaigns.views.messages import ANY, CHANNELS, TONES
from coalition.views.screens import Index

ACTED = Cast(KeyTextTransform("acted", KeyTransform("total", "report__figures")), IntegerField())  # as counted last
WIDE = "msg-wide"  # columns that a phone has no room for
# What the blocks of an email say, without the names of their fields.
SAID = Func("blocks", template="jsonb_path_query_array(%(expressions)s, '$[*].value.*')", output_field=JSONField())


class MessageFilters(WagtailFilterSet):
    channel = ChoiceFilter(label=gettext_lazy("Sent by"), choices=list(CHANNELS.items()))
    campaign = ModelChoiceFilter(label=gettext_lazy("Campaign"), queryset=Campaign.objects.all())

    approval = ChoiceFilter(
        label=gettext_lazy("Second pair of eyes"),
        choices=[("waits", gettext_lazy("Waits for approval"))],
        method="filter_approval",
    )
    templates = ChoiceFilter(
        label=gettext_lazy("Templates"), choices=[("only", gettext_lazy("Templates only"))], method="filter_templates"
    )

    class Meta:
        model = Message
        fields = ["state", "channel", "campaign", "approval", "templates"]

    def filter_queryset(self, queryset):
        """Templates stand in the list only when they are asked for."""
        asked = bool(self.form.cleaned_data.get("templates"))
        return super().filter_queryset(queryset).filter(is_template=asked)

    def filter_templates(self, queryset, name, value):
        return queryset  # see filter_queryset

    def filter_approval(self, queryset, name, value):
        return queryset.filter(approving.waiting()) if value else queryset


class StateColumn(Column):
    cell_template_name = "campaigns/messages/parts/cell_state.html"

    class Media:
        css = {"all": ["campaigns/messages.css"]}

    def get_cell_context_data(self, instance, parent_context):
        context = super().get_cell_context_data(instance, parent_context)
        return context | {"tone": TONES[instance.state], "message": instance}

    def get_value(self, instance):
        return _("Template") if instance.is_template else super().get_value(instance)


class PeopleColumn(Column):
    cell_template_name = "campaigns/messages/parts/cell_people.html"


def channel_of(message):
    return CHANNELS[message.channel]


def written_languages(message):
    return ", ".join(content.get_language_display() for content in message.written if content.is_written)


class MessagesIndex(Index):
    page_title = gettext_lazy("Messages")
    add_item_label = gettext_lazy("Write a message")
    any_permission_required = ANY
    filterset_class = MessageFilters
    default_ordering = "-created_at"

    @cached_property
    def columns(self):
        return [
            self._get_title_column("name", TitleColumn, width="32%"),
            StateColumn("get_state_display", label=_("State"), sort_key="state"),
            Column("sent_by", label=_("Sent by"), accessor=channel_of, sort_key="channel", classname=WIDE),
            Column("campaign", label=_("Campaign"), classname=WIDE),
            Column("languages", label=_("Languages"), accessor=written_languages, classname=WIDE),
            PeopleColumn("figures", label=_("People")),
        ]

    def get_base_queryset(self):
        first = MessageContent.objects.filter(variant=MessageContent.FIRST)
        written = Prefetch("contents", first.order_by("language"), "written")
        waits = Case(When(approving.waiting(), then=True), default=False)
        return (
            Message.objects.select_related("campaign", "step")
            .prefetch_related(written)
            .annotate(waits=waits, acted=ACTED)
        )

    @cached_property
    def header_buttons(self):
        calendar = HeaderButton(_("Calendar"), url=reverse("messages:calendar"), icon_name="calendar-alt")
        return [*super().header_buttons, calendar]

    def search_queryset(self, queryset):
        if not self.is_searching:
            return queryset
        words = MessageContent.objects.filter(message=OuterRef("pk"))
        words = words.annotate(said=Cast(SAID, TextField())).filter(
            Q(subject__icontains=self.search_query)
            | Q(body__icontains=self.search_query)
            | Q(said__icontains=self.search_query)
        )
        return queryset.filter(Q(name__icontains=self.search_query) | Exists(words))

    def paginate_queryset(self, queryset, page_size):
        paginator, page, rows, more = super().paginate_queryset(queryset, page_size)
        rows = list(rows)
        figures = results.figures_of(rows)
        for message in rows:
            message.figures = figures[message.pk] | {"acted": message.acted}
        page.object_list = rows
        return paginator, page, rows, more

    def get_edit_url(self, instance):
        return super().get_edit_url(instance) if instance.state == Message.State.DRAFT else None

    def get_delete_url(self, instance):
        draft = instance.state == Message.State.DRAFT and not hasattr(instance, "step")
        return super().get_delete_url(instance) if draft else None
