"""The blueprint of the pages for information-governance officers: register, second opinions, decisions."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("governance", __name__, url_prefix="/governance", template_folder="templates")
