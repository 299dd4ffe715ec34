"""The blueprint of the pages for agency staff: ask, hold, authorise, open."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff", template_folder="templates")
