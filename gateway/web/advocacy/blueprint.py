"""The blueprint of the pages for victims' advocates."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("advocacy", __name__, url_prefix="/advocacy", template_folder="templates")
