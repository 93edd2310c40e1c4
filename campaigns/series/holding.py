"""A running series, held by one worker while it is looked after; another one passes by."""

from datetime import timedelta

from campaigns.models import Series

State = Series.State
OVERLAP = timedelta(hours=1)  # what was written before the last look may have been committed after it


def in_hand(series):
    """A running series, for one worker alone; None while another one has it. Rows that point to it can be written."""
    running = Series.objects.filter(pk=series.pk, state=State.RUNNING).order_by()
    return running.select_for_update(skip_locked=True, no_key=True).first()
