"""The forms about an entry: which one, holding it back and looking again, revealing it, having it erased."""

from __future__ import annotations

from gateway.review.grounds import TO_ERASE, TO_HOLD
from gateway.web.forms import Answer, GatewayForm, LongAnswer, OneOf, Pick, ThreePartDate, required

_LONGEST = 2000
_NAME_NOBODY = "Leave out names and addresses. These words are kept, sealed."


class FindForm(GatewayForm):
    """Which entry."""

    find = Answer(
        "Number of the entry",
        [required("Enter the number of an entry")],
        description="Its place in the log, such as 57, or its id.",
    )


class HoldForm(GatewayForm):
    """Why an entry is held back, until when, and who looks again."""

    ground = OneOf(
        "Why would it be unlawful to reveal it now?",
        [required("Choose why")],
        choices=[(one.value, words) for one, words in TO_HOLD.items()],
    )
    reasons = LongAnswer(
        "Say more", [required("Say why in a sentence")], longest=_LONGEST, description=_NAME_NOBODY
    )
    review_on = ThreePartDate(
        "When must it be looked at again?",
        [required("Enter the day of the review")],
        description="As soon as it may have changed, and within six months.",
    )
    reviewer = Pick(
        "Who looks at it again?",
        [required("Choose who looks at it again")],
        description="She alone then decides: she reveals it, or keeps holding it back.",
    )


class KeepForm(GatewayForm):
    """Why an entry stays held back, and until when."""

    reasons = LongAnswer(
        "Why would it still be unlawful to reveal it?",
        [required("Say why in a sentence")],
        longest=_LONGEST,
        description=_NAME_NOBODY,
    )
    review_on = ThreePartDate(
        "When do you look at it again?",
        [required("Enter the day of the next review")],
        description="As soon as it may have changed, and within six months.",
    )


class RevealForm(GatewayForm):
    """Why an entry may be revealed."""

    reasons = LongAnswer(
        "Why can it be revealed now?",
        [required("Say why in a sentence")],
        longest=_LONGEST,
        description="The person's advocate can read these words. Leave out names and addresses.",
    )


class EraseForm(GatewayForm):
    """Why what an entry says is to be erased."""

    ground = OneOf(
        "Why must it be erased?",
        [required("Choose why")],
        choices=[(one.value, words) for one, words in TO_ERASE.items()],
    )
    reasons = LongAnswer(
        "Say more",
        [required("Say why in a sentence")],
        longest=_LONGEST,
        description="These words stay in the log, and the person's advocate can read them, unless it was about the "
        "wrong person. Leave out names, addresses and what the entry says.",
    )
