"""Registers the widget of notebooks; its dependencies are imported when it is made."""

from __future__ import annotations

from typing import Any

from latentknobs.core.frontend_specs import FrontendSpec
from latentknobs.errors import needs_extra
from latentknobs.hooks import hookimpl


def _widget(session: Any, **options: Any) -> Any:
    with needs_extra("The widget", "notebook"):
        import anywidget  # noqa: F401 - only whether it is there
    from latentknobs.frontends.notebook.widget import SessionWidget

    return SessionWidget(session, **options)


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """The widget of ``session.widget()``."""
    return [FrontendSpec("notebook", "A widget in a notebook: turn knobs, see and hear the notes.", widget=_widget)]
