"""What the rooms of the back office have in common, where they differ from what Wagtail proposes."""


class Room:
    """Put before a viewset of Wagtail's: names the pages that look as they say themselves, and those it does without.

    `own` are "index", whose templates Wagtail would choose, and "add", "edit" and "inspect", to which it would hand
    templates, panels and forms. `without` are pages to which nothing of Wagtail's shall link ("delete", "usage").
    """

    own = ()
    without = ()
    add_to_admin_menu = True
    add_to_reference_index = False  # nothing here is a page that an image or a link could be missed on
    copy_view_enabled = False
    inspect_view_enabled = True
    list_per_page = 30

    def get_common_view_kwargs(self, **kwargs):
        return super().get_common_view_kwargs(**{f"{page}_url_name": None for page in self.without} | kwargs)

    def get_index_view_kwargs(self, **kwargs):
        kwargs = super().get_index_view_kwargs(**kwargs)
        if "index" not in self.own:
            return kwargs
        return {name: value for name, value in kwargs.items() if not name.endswith("template_name")}

    def get_add_view_kwargs(self, **kwargs):
        return {} if "add" in self.own else super().get_add_view_kwargs(**kwargs)

    def get_edit_view_kwargs(self, **kwargs):
        return {} if "edit" in self.own else super().get_edit_view_kwargs(**kwargs)

    def get_inspect_view_kwargs(self, **kwargs):
        return {} if "inspect" in self.own else super().get_inspect_view_kwargs(**kwargs)
