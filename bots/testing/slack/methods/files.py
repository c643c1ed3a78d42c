"""Methods for files: an address to upload to, then sharing what was uploaded."""

from __future__ import annotations

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.errors import Refusal
from bots.testing.slack.files import StoredFile
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.methods.method import Context, Method
from bots.testing.slack.payloads import check_payload


def get_upload_url(context: Context, arguments: Arguments) -> Json:
    """Return where to send the bytes of a file with this name and length."""
    name, length = arguments.required("filename"), arguments.number("length", 0)
    if length < 1:
        raise Refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] length must be positive"]})
    file = context.world.add_file(name, length, context.world.identity.bot_user)
    return {"upload_url": file.upload_url, "file_id": file.id}


def complete_upload(context: Context, arguments: Arguments) -> Json:
    """Share uploaded files, in one message per channel if channels are named."""
    files = [_uploaded(context, item) for item in arguments.items("files", "invalid_arguments") or []]
    if not files:
        raise Refusal("invalid_arguments")
    channels = arguments.text("channel_id") or arguments.text("channels")
    targets = [context.world.joined_channel(id) for id in channels.split(",") if id]
    for channel in targets:
        context.writer.post(_message(context, arguments, channel.id, files))
    with context.world.changing():
        for file in files:
            file.shared = bool(targets)
    return {"files": [file.to_json() for file in files]}


def file_info(context: Context, arguments: Arguments) -> Json:
    """Return a file."""
    file = context.world.files.get(arguments.text("file"))
    if file is None or file.content is None:
        raise Refusal("file_not_found")
    return {"file": file.to_json()}


def _uploaded(context: Context, item: Json) -> StoredFile:
    file = context.world.files.get(str(item.get("id", "")))
    if file is None or file.content is None or file.shared:
        raise Refusal("file_not_found")
    file.title = str(item.get("title", ""))
    return file


def _message(context: Context, arguments: Arguments, channel: str, files: list[StoredFile]) -> Message:
    identity = context.world.identity
    text, blocks = arguments.text("initial_comment"), arguments.items("blocks", "invalid_blocks_format") or []
    if text or blocks:
        check_payload({"text": text, "blocks": blocks})
    return Message(
        channel=channel,
        ts="",
        user=identity.bot_user,
        text=text,
        thread=arguments.text("thread_ts"),
        blocks=blocks,
        files=files,
        subtype="file_share",
        bot=identity.bot,
        app=identity.app,
    )


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(complete_upload, "files:write"),
    "files.info": Method(file_info, "files:read"),
}
