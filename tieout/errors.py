"""The one error tree: every refusal says what was wrong with which input and what to do next.

TieoutError
├── InvalidInput          a request, file, row or date that cannot be used          (exit 2)
│   ├── UnknownInstrument     no company or ticker of that name
│   └── RefusedFile           a broken, encrypted, textless or torn file
├── NotFound              no run, document, series or artifact of that name          (exit 2)
├── NeedsAnswer           the request has several readings; carries the question back (exit 3)
├── PermissionDenied      the principal may not do this in this workspace            (exit 2)
├── Conflict              another owner, another state, or the same key for another request
│   ├── FolderLocked          another process owns the data folder
│   └── StaleFence            a newer claim of the step exists; the late result is dropped
├── StepCancelled         the step was cancelled while it worked; what it has so far is kept
├── EffectDropped         a person decided that an effect is not to be done
├── BudgetExceeded        a model call would pass the run's token or money budget
├── ProviderError         a model, embedding or market provider failed
│   ├── ProviderRefused       it answered, and declined
│   ├── OutcomeUnknown        it cannot tell whether something was done
│   └── ProviderUnavailable   it did not answer in time, or answered 429 or 5xx (retryable)
│       └── RateLimited           it did nothing, and says when to come again
├── StorageFull           the disk, or a quota, is full
└── NotAvailable          a part that is not configured or not installed
"""

from __future__ import annotations


class TieoutError(Exception):
    """The root. `message` is for people; `details` is JSON-able and never holds a secret."""

    exit_code = 5
    retryable = False

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def json_details(self) -> dict[str, str | int | float | bool | None]:
        """Return the details as JSON values."""
        plain = (str, int, float, bool, type(None))
        return {name: value if isinstance(value, plain) else str(value) for name, value in self.details.items()}


class InvalidInput(TieoutError):
    """A request, file, row or date that cannot be used as given."""

    exit_code = 2


class UnknownInstrument(InvalidInput):
    """No company, ticker or identifier of that name is known."""


class RefusedFile(InvalidInput):
    """A file that is broken, encrypted, without text, torn, or not of a known kind."""


class NotFound(TieoutError):
    """No run, document, series or artifact of that name in this workspace."""

    exit_code = 2


class NeedsAnswer(TieoutError):
    """The request has several readings. `message` is the question to put back to the asker."""

    exit_code = 3


class PermissionDenied(TieoutError):
    """The principal may not do this in this workspace."""

    exit_code = 2


class Conflict(TieoutError):
    """The state of the world does not allow this: another owner, another state, a reused key."""


class FolderLocked(Conflict):
    """Another process owns the data folder."""


class StaleFence(Conflict):
    """A newer claim of the step exists; the late result is dropped."""


class StepCancelled(TieoutError):
    """The step was cancelled, or taken by another process, while it worked."""


class EffectDropped(TieoutError):
    """A person decided that an effect of unknown outcome is not to be done again."""


class BudgetExceeded(TieoutError):
    """A model call would pass the run's token or money budget; it was not made."""


class ProviderError(TieoutError):
    """A model, embedding or market data provider failed."""


class ProviderRefused(ProviderError):
    """The provider answered and declined."""


class OutcomeUnknown(ProviderError):
    """The provider cannot tell whether something was done; a person has to find out."""


class ProviderUnavailable(ProviderError):
    """The provider did not answer in time, or answered 429 or 5xx. Trying again may help."""

    retryable = True


class RateLimited(ProviderUnavailable):
    """The provider did nothing, as it was asked too often. `after_s` says in how many seconds to come again."""

    def __init__(self, message: str, *, after_s: float) -> None:
        super().__init__(message, after_s=after_s)
        self.after_s = after_s


class StorageFull(TieoutError):
    """The disk, or a quota, is full. Nothing of the operation was kept."""


class NotAvailable(TieoutError):
    """A part that is not configured or not installed."""
