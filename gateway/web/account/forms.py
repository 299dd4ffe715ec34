"""The one question of this face."""

from __future__ import annotations

from gateway.web.forms import GatewayForm, OneOf, required


class PostForm(GatewayForm):
    """Which of her posts somebody acts in."""

    post = OneOf(
        "Which post are you acting in?",
        [required("Choose the post you are acting in")],
        choose="Choose one of your posts",
        description="What you may see and do depends on the post. You can change it later.",
    )
