"""The errors that a person can do something about.

Every message reads "what happened; what to do". They are shown as they are, so they hold no paths
of the host and no traceback. Anything else that is raised is a bug and is not caught.
"""


class UserError(Exception):
    """Something that the person who asked can put right."""


class BadValue(UserError):
    """A field of a request has a value that cannot be used."""


class BadImage(UserError):
    """A file or an array is not a picture that can be used."""


class TooManyPixels(BadImage):
    """A picture is larger than what is read."""


class BadData(UserError):
    """A data set is missing, empty or damaged."""


class BadCheckpoint(UserError):
    """A checkpoint is missing, damaged, or belongs to another model."""


class Busy(UserError):
    """Others keep the studio busy at the moment; the same will work later."""


class OutOfMemory(UserError):
    """The device has no room for what was asked."""
