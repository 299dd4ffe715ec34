"""Pages for everybody: signing in and out, choosing a post, staying safe, and what the service promises."""

from gateway.web.account.views import blueprint

__all__ = ["blueprint"]
