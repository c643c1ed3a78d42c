"""`help`: what tieout can do here, and how it is asked."""

from __future__ import annotations

from bots.command import Argument, Asked, Command, Reply, discover
from bots.render.document import Document
from tieout.model import Role


def help_(asked: Asked) -> Reply:
    """List the commands, or describe one."""
    commands = discover()
    name = asked.arguments.get("command")
    if name:
        command = commands.get(name)
        lines = [f"**{command.usage}**", "", command.summary, ""]
        lines += [f"- {one.name}: {one.help}{'' if one.required else ' (optional)'}" for one in command.arguments]
        return Reply(Document("\n".join(lines)), private=True)
    rows = [f"| `{command.usage}` | {command.summary} |" for command in commands]
    said = (
        "Ask me a question about a company, in a thread or with a mention; I answer with sources, and in the thread "
        "you can go on without naming me."
    )
    return Reply(Document("\n".join([said, "", "| Command | What it does |", "|---|---|", *rows])), private=True)


COMMAND = Command(
    "help",
    "List the commands, or describe one.",
    help_,
    (Argument("command", "the command to describe", required=False),),
    role=Role.VIEWER,
)
