"""Pages of long lists: the number of rows is counted where that is quick, else about, nobody leafs to page 9,000."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

from coalition import segments

WITHIN = 0.03  # seconds for an exact number
MOST_PAGES = 500  # beyond, one searches, filters or turns the order round: a database counts its way to a page


class LongPaginator(Paginator):
    """For lists that may be long: `paginator_class` of a list's view. `size` says whether its number was counted."""

    @cached_property
    def size(self):
        return segments.size(self.object_list, within=WITHIN)

    @cached_property
    def count(self):
        return self.size.rounded

    @cached_property
    def num_pages(self):
        return min(super().num_pages, MOST_PAGES)

    def page(self, number):
        """The last page may end before the estimate says so, and an estimate never hides a row."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        last = first + self.per_page
        return self._get_page(self.object_list[first:last], number, self)
