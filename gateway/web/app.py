"""The web face put together: one application over one gateway, refused at start when a route names nobody.

How to write pages on it.

A face is a package beside this one (`staff`, `governance`, `advocacy`, `account`) that offers `blueprint`, a
Flask Blueprint of the face's name with `template_folder="templates"`, and `NAVIGATION`, pairs of (text, endpoint).
One view is named `home`. Templates lie in `<face>/templates/<face>/`.

    @blueprint.route("/requests/<id:request_id>/cancel", methods=["GET", "POST"])
    @allow(Face.STAFF)
    def cancel(request_id: str) -> ResponseReturnValue:
        form = CancelForm()
        if form.validate_on_submit():
            with form.showing_errors():                      # Invalid(fields=…) lands beside the fields
                with current_gateway().store.writing() as unit:
                    ask.cancel(unit, current_actor(), request_id, form.why.data, once=form.once.data)
                flash("Request cancelled", "done")
                return redirect(url_for("staff.home"))
        return page("staff/cancel.html", form=form)          # 422 by itself when the form has errors

- `gateway.web.access`: `allow(*faces, roles=(), authorises=())`, `public(reason)`, `machine(scope)`;
  `current_actor()`, `current_gateway()`, `may_enter(endpoint)`. Every route carries one of the three marks.
- Converters: `<id:x>` (32 hex), `<code:x>` (a vocabulary code), `<digest:x>` (64 hex), `<int:x>`; never a string.
- `gateway.web.forms`: GatewayForm (with `once`, the attempt's number), Answer, LongAnswer(longest=), OneOf, Pick,
  SomeOf,  ThreePartDate, `required("Enter …")`, `page(template, form=…, **context)`.
- `gateway.web.paging`: Paging(items, number, total), asked_page(), offset_of(); `c.results(paging)` and
  `c.pagination(paging)`.
- `gateway.web.security`: `@opens_content` on a view whose page decrypts (blob pictures, worker),
  `@takes_upload(bytes)`.
- Filters: `at | when`, `at | when_tag`, `at | clock_time`, `date | day`, `date | due`, `code | label("category")`,
  `digest | grouped`; `count(3, "request")`.

    {% extends "components/page.html" %}
    {% set heading = "Cancel this request" %}                {# the h1 and the start of the title #}
    {% set back_href = url_for("staff.home") %}
    {% block content %}
      {% call c.form(form) %}{{ c.field(form.why) }}{{ c.button("Cancel request", warning=true) }}{% endcall %}
    {% endblock %}

A page may also set `caption`, `wide=true` (tables), `marked="K7Q2-M4XD"` (marking and reference, also in print),
`neutral=true` and `safe_exit=true` (pages a subject may see). When the only field is the question, empty `heading_area`
and draw it with `c.field(form.x, heading=true)`; `heading` still makes the title. Macros, in
components/templates/components: form field act button link_button; summary tasks table timeline results pagination
details; tag outcome warning inset banner identity marking subnav filter. Text goes in as text: HTML only through a
`{% set x %}…{% endset %}` block.
Scripts go in block `scripts` as `<script type="module" src="{{ url_for('static', filename='js/x.js') }}"></script>`.
Tests: `tests/web/pages.py`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, session
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.registry.models import Face
from gateway.settings import Environment
from gateway.web import access, assets, components, errors, formats, navigation, operations, security, signin
from gateway.web.sessions import TOUCH, DatabaseSessions, Limits

if TYPE_CHECKING:
    from gateway.assembly import Gateway

SERVICE_NAME = "Disclosure Gateway"
_FACES = ("account", "staff", "governance", "advocacy")
_OTHER_ROOMS = (
    "gateway.api.v1",
    "gateway.api.authzen",
    "gateway.web.ledger",
    "gateway.web.staff.views_and_consent",
    "gateway.web.staff.safe_contact",
    "gateway.notices.pages",
)
_TEMPLATES = Path(__file__).with_name("components") / "templates"


def create_app(gateway: Gateway) -> Flask:
    """Give the application of a gateway.

    Raises:
        Misconfigured: a route doesn't say who may come in, the browser assets are missing, or a sign-in provider's key
            can't be read.
    """
    app = Flask(__name__, static_folder=None)
    web = gateway.settings.web
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None, PREFERRED_URL_SCHEME="https" if gateway.settings.production else "http"
    )
    stand_on(app, gateway)
    if web.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=web.proxies, x_proto=web.proxies)  # type: ignore[method-assign]
    components.use_components(app, str(_TEMPLATES))
    operations.watch(app)
    security.guard(app, list(web.trusted_hosts))
    app.before_request(access.enter)
    csrf = CSRFProtect(app)
    errors.handle_errors(app)
    assets.serve_assets(app)
    signin.register_providers(app, gateway.settings.sign_in.providers)
    _add_faces(app)
    _excuse_machines(app, csrf)
    _dress(app, gateway)
    access.check_every_route(app)
    return app


def stand_on(app: Flask, gateway: Gateway) -> None:
    """Let an application answer from this gateway: its store, its keys, its sessions."""
    web = gateway.settings.web
    app.extensions["gateway"] = gateway
    app.secret_key = _secret(gateway)
    app.session_interface = DatabaseSessions(gateway.store, Limits(web.idle, web.absolute))
    operations.set_checks(app, operations.checks_of(gateway))


def _secret(gateway: Gateway) -> str:
    """The key that signs form tokens: the setting, or one that the root key always derives in the same way."""
    key = gateway.settings.web.session_key
    return key.get_secret_value() if key is not None else gateway.vault.token("secret", "web session key", "")


def _add_faces(app: Flask) -> None:
    for name in _FACES:
        room = import_module(f"gateway.web.{name}")
        app.register_blueprint(room.blueprint)
        if name in set(Face):
            navigation.set_navigation(app, Face(name), getattr(room, "NAVIGATION", ()))
    for name in _OTHER_ROOMS:
        room = import_module(name)
        app.register_blueprint(room.blueprint)
        if hasattr(room, "admit"):
            access.admit_machines(app, room.admit)


def _excuse_machines(app: Flask, csrf: CSRFProtect) -> None:
    """A machine brings no cookie, so nothing can be forged in its name; everything else needs the form's token."""
    for endpoint, rule in access.rules(app).items():
        if rule.machine:
            csrf.exempt(app.view_functions[endpoint])


def _dress(app: Flask, gateway: Gateway) -> None:
    web, ledger = gateway.settings.web, gateway.settings.ledger
    formats.register(app)
    app.jinja_env.globals.update(
        service_name=SERVICE_NAME,
        demo=gateway.settings.env is Environment.DEMO,
        idle_seconds=int((web.idle - TOUCH).total_seconds()),
        navigation=lambda: navigation.navigation(app),
        several_posts=lambda: session.get("posts", 1) > 1,
        may_enter=access.may_enter,
        witness_hours=f"{ledger.witness_lag_hours:g}" if ledger.witnesses else None,
    )
    components.gather_macros(app)
