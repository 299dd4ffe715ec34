"""Confirming an act: a page that says what will happen, a form, the act, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect
from flask.typing import ResponseReturnValue

from gateway.store.unit_of_work import Unit
from gateway.web.access import current_gateway
from gateway.web.forms import GatewayForm, page


def confirm(
    form: GatewayForm,
    act: Callable[[Unit], object],
    *,
    done: str,
    back: str,
    template: str = "staff/confirm.html",
    **context: Any,
) -> ResponseReturnValue:
    """Show the page of an act, or do it in one transaction, say that it is `done` and go `back`.

    What the flow refuses as Invalid stands beside its field, with everything typed still there.
    """
    if form.validate_on_submit():
        with form.showing_errors():
            with current_gateway().store.writing() as unit:
                act(unit)
            flash(done, "done")
            return redirect(back)
    return page(template, form=form, back_href=back, **context)
