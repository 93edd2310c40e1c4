"""A series that has been running for some weeks, with people at several of its steps."""

from datetime import timedelta

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Min, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns import composing, sending, telling
from campaigns.models import Delivery, Enrolment, Message, Series, TrackingEvent
from campaigns.series import advancing, building, enrolling, leaving, noting, steering
from coalition import consent, people
from coalition.models import Consent, Entry, Installation, Person, SimulatedEmail

from .alerts import PROVIDER, hear, sign_letter
from .messages import blocks_of, shared_part
from .publishing import campaign
from .words import mailbox, organizer, read

ON_THE_WAY = Enrolment.State.ACTIVE


def fill_series(rng):
    rows = read("series")
    welcome = Series.objects.filter(name=rows["name"]).first()
    if welcome is None:
        with transaction.atomic():
            welcome = build(rows, by=organizer())
    if not welcome.enrolments.filter(state=Enrolment.State.ACTED).exists():  # the last that is filled in
        let_run(welcome, rows, rng)


def build(rows, *, by):
    welcome = building.begin(name=rows["name"], campaign=campaign(), trigger=Series.Trigger.JOINED, by=by)
    for row in rows["step"]:
        step = building.add_step(welcome, channel="email", name=row["name"], wait_hours=row["wait_hours"], by=by)
        shared = [shared_part(block) for block in row["blocks"]]
        contents = {
            code: {
                "subject": row[f"subject_{code}"],
                "preheader": row[f"preheader_{code}"],
                "blocks": blocks_of(row, code, shared),
                "reviewed": True,
            }
            for code in ("en", "es")
        }
        composing.write(step.message, contents=contents, by=by)
    steering.start(welcome, by=by)
    since = timezone.now() - timedelta(days=rows["running_days"])
    Series.objects.filter(pk=welcome.pk).update(since=since, created_at=since)
    Message.objects.filter(step__series=welcome).update(started_at=since, created_at=since)
    return Series.objects.get(pk=welcome.pk)


def let_run(welcome, rows, rng):
    """As if it had been looked after since it began: each step is sent, then dated back to when it was due.

    Broken off, it goes on with what is missing: sending commits by itself, the parts before and after it each as one.
    """
    if not welcome.enrolments.exists():
        with transaction.atomic():
            enter(welcome, rows)
    waited = timedelta(0)
    for step, row in zip(welcome.steps.select_related("message"), rows["step"], strict=True):
        waited += timedelta(hours=step.wait_hours)
        if TrackingEvent.objects.filter(delivery__message=step.message, provider=PROVIDER).exists():
            continue
        send_step(welcome, step, waited)
        with transaction.atomic():
            date_step(welcome, step, waited)
            hear(step.message, row["came_back"], rng)
    with transaction.atomic():
        act(welcome, rows, rng)


def enter(welcome, rows):
    """Whoever joined since it began."""
    began = timezone.now()
    for row in rows["joined"]:
        join(row)
    enrolling.enrol(welcome)
    date_entries(welcome, began, timedelta(0))


def act(welcome, rows, rng):
    """Some of those who wait for the last step sign before it comes."""
    waiting = welcome.enrolments.filter(state=ON_THE_WAY, position=len(rows["step"]) - 1)
    for enrolment in rng.sample(list(waiting.select_related("person").order_by("pk")), rows["signed"]):
        at = timezone.now() - timedelta(minutes=rng.uniform(3, 50))
        sign_letter(enrolment.person, enrolment.person.primary_email.value, at)
    leaving.take_out(Series.objects.get(pk=welcome.pk))


def join(row):
    """Somebody who said yes on the site some hours ago."""
    at, language = timezone.now() - timedelta(hours=row["hours_ago"]), row["language"]
    email = f"{mailbox(row['name'])}@mail.example.com"
    address = people.reach(name=row["name"], email=email, language=language, source=_("the site"))["email"]
    wording = Installation.get().email_wording.localize(language)
    consent.grant(address, wording=wording, language=language, source=Consent.Source.FORM, at=at)
    Person.objects.filter(pk=address.person_id).update(created_at=at)
    Entry.objects.filter(person=address.person_id).update(at=at)


def send_step(welcome, step, waited):
    """One look at the series, and all that it sends. `waited`: from the first moment on."""
    with transaction.atomic():
        began = timezone.now()
        advancing.advance(welcome)
        date_entries(welcome, began, waited)
    while sending.send_next_batch(step.message):
        pass


def date_step(welcome, step, waited):
    on_time = moment_of(welcome, OuterRef("person"), waited)
    mine = step.message.deliveries.all()
    kept = SimulatedEmail.objects.filter(at__gte=mine.aggregate(first=Min("claimed_at"))["first"])
    mine.update(claimed_at=Subquery(on_time), updated_at=Subquery(on_time))
    mine.filter(state=Delivery.State.SENT).update(sent_at=F("claimed_at"))
    kept.update(at=Subquery(mine.filter(value=OuterRef("to")).values("sent_at")[:1]))
    telling.got(step.message, since=welcome.since)
    following = welcome.steps.filter(position__gt=step.position).first()
    if following:
        wait = timedelta(hours=following.wait_hours)
        behind = welcome.enrolments.filter(position=step.position, state=ON_THE_WAY)
        behind.update(due_at=F("began_at") + waited + wait)
    else:
        welcome.enrolments.filter(state=Enrolment.State.DONE).update(ended_at=F("began_at") + waited)


def moment_of(welcome, person, waited):
    """When somebody had waited so long since they entered."""
    at = ExpressionWrapper(F("began_at") + waited, output_field=DateTimeField())
    return welcome.enrolments.filter(person=person).values(moment=at)[:1]


def date_entries(welcome, began, waited):
    told = Entry.objects.filter(link=noting.link_of(welcome), at__gte=began)
    told.update(at=Subquery(moment_of(welcome, OuterRef("person"), waited)))
