"""The two ways a check ends badly: it failed, or it could not be made."""


class Unverified(Exception):
    """What was looked at does not hold together. The message is one plain sentence."""


class Uncheckable(Exception):
    """The check could not be made (a file is missing, an address does not answer). The message says why."""
