"""Methods that read: histories, threads, channels, people."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.methods.method import Context, Method


def history(context: Context, arguments: Arguments) -> Json:
    """Return what stands in a channel outside its threads, newest first."""
    channel = context.world.joined_channel(arguments.required("channel", "channel_not_found"))
    messages = [m for m in channel.messages.values() if not m.thread or m.options.get("reply_broadcast")]
    return _page_of_messages(context, arguments, [m for m in reversed(messages) if _within(arguments, m)], 100)


def replies(context: Context, arguments: Arguments) -> Json:
    """Return a thread, its parent first, then oldest first."""
    channel = context.world.joined_channel(arguments.required("channel", "channel_not_found"))
    message = channel.messages.get(arguments.required("ts", "thread_not_found"))
    if message is None:
        raise Refusal("thread_not_found")
    parent = channel.messages.get(message.thread) if message.thread else message
    thread = [parent] if parent is not None else []
    thread += [m for m in channel.replies(message.thread or message.ts) if _within(arguments, m)]
    return _page_of_messages(context, arguments, thread, 1000)


def info(context: Context, arguments: Arguments) -> Json:
    """Return a channel."""
    channel = context.world.channel(arguments.required("channel", "channel_not_found"))
    return {"channel": channel.to_json(context.world.identity.bot_user)}


def members(context: Context, arguments: Arguments) -> Json:
    """Return the ids of a channel's members."""
    channel = context.world.channel(arguments.required("channel", "channel_not_found"))
    page, cursor = _page(arguments, channel.members, 100, 1000, str)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


def open_direct(context: Context, arguments: Arguments) -> Json:
    """Open the direct conversation with one user, or return a channel that is open."""
    users = [user for user in arguments.text("users").split(",") if user]
    if len(users) > 1:
        raise Refusal("method_not_supported_for_channel_type")
    if users:
        channel = context.world.direct_channel(users[0])
    else:
        channel = context.world.channel(arguments.required("channel", "users_list_not_supplied"))
    return {"channel": channel.to_json(context.world.identity.bot_user) if users else {"id": channel.id}}


def user_info(context: Context, arguments: Arguments) -> Json:
    """Return a user."""
    user = context.world.users.get(arguments.text("user"))
    if user is None:
        raise Refusal("user_not_found")
    return {"user": user.to_json(context.world.identity.team)}


def _within(arguments: Arguments, message: Message) -> bool:
    oldest, latest = arguments.text("oldest"), arguments.text("latest")
    if arguments.flag("inclusive") and message.ts in (oldest, latest):
        return True
    at = _moment(message.ts)
    return (not oldest or at > _moment(oldest, "invalid_ts_oldest")) and (
        not latest or at < _moment(latest, "invalid_ts_latest")
    )


def _moment(ts: str, error: str = "invalid_arguments") -> tuple[int, int]:
    seconds, _, fraction = ts.partition(".")
    if not (seconds + fraction).isdigit():
        raise Refusal(error)
    return int(seconds), int(f"{fraction:0<6}"[:6])


def _page_of_messages(context: Context, arguments: Arguments, messages: Sequence[Message], default: int) -> Json:
    page, cursor = _page(arguments, messages, default, context.page_cap, lambda message: message.ts)
    metadata = arguments.flag("include_all_metadata")
    shown = [context.world.show(message, metadata=metadata) for message in page]
    answer: Json = {"messages": shown, "has_more": bool(cursor)}
    return {**answer, "response_metadata": {"next_cursor": cursor}} if cursor else answer


def _page[T](
    arguments: Arguments, items: Sequence[T], default: int, cap: int, key: Callable[[T], str]
) -> tuple[list[T], str]:
    """Return one page and the cursor of the next, which names the next item."""
    limit = min(arguments.number("limit", default), cap)
    if limit < 1:
        raise Refusal("invalid_limit")
    keys, cursor = [key(item) for item in items], arguments.text("cursor")
    start = _position(keys, cursor) if cursor else 0
    rest = keys[start + limit :]
    return list(items[start : start + limit]), b64encode(f"next:{rest[0]}".encode()).decode() if rest else ""


def _position(keys: Sequence[str], cursor: str) -> int:
    try:
        return keys.index(b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except ValueError:
        raise Refusal("invalid_cursor") from None


METHODS = {
    "conversations.history": Method(history, "channels:history"),
    "conversations.replies": Method(replies, "channels:history"),
    "conversations.info": Method(info, "channels:read"),
    "conversations.members": Method(members, "channels:read"),
    "conversations.open": Method(open_direct, "im:write"),
    "users.info": Method(user_info, "users:read"),
}
