"""What the API answers instead of doing what it was asked, by itself or on order."""

from __future__ import annotations

from dataclasses import dataclass, field

from bots.testing.orders import Orders

type Json = dict[str, object]


@dataclass(eq=False)
class Refusal(Exception):
    """An error of the API: HTTP status, Discord's code, message, and for a form (50035) what is wrong with it."""

    status: int
    code: int
    message: str
    errors: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> Json:
        """Return the JSON of the answer."""
        return {"message": self.message, "code": self.code, **({"errors": self.errors} if self.errors else {})}


def invalid(where: str, why: str, code: str = "BASE_TYPE_BAD_LENGTH") -> Refusal:
    """Return the refusal of a form whose field `where` is wrong."""
    inner: Json = {"_errors": [{"code": code, "message": why}]}
    for name in reversed(where.split(".")):
        inner = {name: inner}
    return Refusal(400, 50035, "Invalid Form Body", inner)


UNAUTHORIZED = Refusal(401, 0, "401: Unauthorized")
UNKNOWN_CHANNEL = Refusal(404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = Refusal(404, 10008, "Unknown Message")
UNKNOWN_WEBHOOK = Refusal(404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION = Refusal(404, 10062, "Unknown interaction")
ACKNOWLEDGED = Refusal(400, 40060, "Interaction has already been acknowledged.")
SPENT_TOKEN = Refusal(401, 50027, "Invalid Webhook Token")
NO_ACCESS = Refusal(403, 50001, "Missing Access")
NO_PERMISSION = Refusal(403, 50013, "Missing Permissions")
EMPTY = Refusal(400, 50006, "Cannot send an empty message")
OTHERS_MESSAGE = Refusal(403, 50005, "Cannot edit a message authored by another user")
THREAD_EXISTS = Refusal(400, 160004, "A thread has already been created for this message")
TOO_LARGE = Refusal(413, 40005, "Request entity too large")


@dataclass(frozen=True)
class Trouble:
    """What is to go wrong with a call: it is refused, or does what it should and breaks off (`lost`), perhaps late."""

    status: int = 0
    code: int = 0
    message: str = "on order"
    retry_after_s: float = 0.0  # with status 429
    lost: bool = False
    wait_s: float = 0.0

    def check(self) -> None:
        """Raise Refusal when the call is to be refused."""
        if self.status:
            after = {"Retry-After": f"{self.retry_after_s:g}"} if self.status == 429 else {}
            raise Refusal(self.status, self.code, self.message, headers=after)


class Troubles(Orders[Trouble]):
    """Orders by method and the end of a path (`POST messages`)."""

    def next(self, method: str, path: str) -> Trouble | None:
        """Return what is to go wrong with this call."""
        return self.take(lambda call: call.startswith(f"{method} ") and path.endswith(call.partition(" ")[2]))
