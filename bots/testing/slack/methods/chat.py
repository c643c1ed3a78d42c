"""Methods that write: messages, changes, removals, messages to one person."""

from __future__ import annotations

import json

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.methods.method import Context, Method
from bots.testing.slack.payloads import check_payload
from bots.testing.slack.people import Channel

_MARKDOWN_LIMIT = 12_000
_METADATA_LIMIT = 16_000
_OPTIONS = ("unfurl_links", "unfurl_media", "reply_broadcast", "mrkdwn", "link_names")


def post_message(context: Context, arguments: Arguments) -> Json:
    """Post as the bot. A user's id instead of a channel's means the direct conversation with them."""
    channel = target(context, arguments.required("channel", "channel_not_found"))
    message = context.writer.post(_draft(context, arguments, channel))
    return {"channel": channel.id, "ts": message.ts, "message": context.world.show(message)}


def post_ephemeral(context: Context, arguments: Arguments) -> Json:
    """Show a message to one member of the channel, which no history keeps."""
    channel = context.world.joined_channel(arguments.required("channel", "channel_not_found"))
    draft = _draft(context, arguments, channel)
    draft.ephemeral_to = arguments.required("user", "user_not_in_channel")
    if draft.ephemeral_to not in channel.members:
        raise Refusal("user_not_in_channel")
    return {"message_ts": context.writer.post(draft).ts}


def update(context: Context, arguments: Arguments) -> Json:
    """Change a message of the bot. What is not sent stays as it was."""
    channel = context.world.channel(arguments.required("channel", "channel_not_found"))
    message = context.world.message(channel.id, arguments.required("ts", "message_not_found"))
    if message.user != context.world.identity.bot_user or message.subtype == "tombstone":
        raise Refusal("cant_update_message")
    content = _content(arguments)
    content |= {"text": message.text} if not arguments.text("text") and "blocks" in content else {}
    context.writer.change(message, content)
    shape = context.world.show(message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shape}


def delete(context: Context, arguments: Arguments) -> Json:
    """Remove a message of the bot."""
    channel = context.world.channel(arguments.required("channel", "channel_not_found"))
    message = context.world.message(channel.id, arguments.required("ts", "message_not_found"))
    if message.user != context.world.identity.bot_user:
        raise Refusal("cant_delete_message")
    context.writer.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def add_reaction(context: Context, arguments: Arguments) -> Json:
    """Add the bot's reaction to a message."""
    channel = context.world.joined_channel(arguments.required("channel", "channel_not_found"))
    message = context.world.message(channel.id, arguments.required("timestamp", "bad_timestamp"))
    bot, name = context.world.identity.bot_user, arguments.required("name", "invalid_name").strip(":")
    with context.world.changing():
        users = message.reactions.setdefault(name, [])
        if bot in users:
            raise Refusal("already_reacted")
        users.append(bot)
    return {}


def target(context: Context, id: str) -> Channel:
    """Return the channel of this id, or the direct conversation with the user of this id."""
    if id in context.world.users:
        return context.world.direct_channel(id)
    return context.world.joined_channel(id)


def _draft(context: Context, arguments: Arguments, channel: Channel) -> Message:
    identity = context.world.identity
    return Message(
        channel=channel.id,
        ts="",
        user=identity.bot_user,
        bot=identity.bot,
        app=identity.app,
        thread=arguments.text("thread_ts"),
        options={name: arguments.flag(name) for name in _OPTIONS if name in arguments.values},
        **_content(arguments),
    )


def _content(arguments: Arguments) -> Json:
    """Return the fields of a message that were sent, checked; raises Refusal when there are none."""
    content: Json = {"text": arguments.text("text")}
    for name, error in (("blocks", "invalid_blocks_format"), ("attachments", "invalid_attachments")):
        if (items := arguments.items(name, error)) is not None:
            content[name] = items
    if arguments.text("markdown_text"):
        content = _markdown(arguments, content)
    check_payload(content)
    return content | _metadata(arguments)


def _markdown(arguments: Arguments, content: Json) -> Json:
    text = arguments.text("markdown_text")
    if content["text"] or content.get("blocks"):
        raise Refusal("markdown_text_conflict")
    if len(text) > _MARKDOWN_LIMIT:
        raise Refusal("msg_too_long")
    return {**content, "text": text, "blocks": [{"type": "markdown", "text": text}]}


def _metadata(arguments: Arguments) -> Json:
    metadata = arguments.mapping("metadata", "invalid_metadata_format")
    if metadata is None:
        return {}
    if metadata and not (metadata.get("event_type") and isinstance(metadata.get("event_payload"), dict)):
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(metadata)) > _METADATA_LIMIT:
        raise Refusal("metadata_too_large")
    return {"metadata": metadata or None}


METHODS = {
    "chat.postMessage": Method(post_message, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write"),
    "chat.update": Method(update, "chat:write"),
    "chat.delete": Method(delete, "chat:write"),
    "reactions.add": Method(add_reaction, "reactions:write"),
}
