"""What a command is: a name, its arguments and a function; one module in `bots/commands` exposes one `COMMAND`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bots.form import Form
from bots.inbound import Attachment, Inbound
from bots.render.document import Button, Document
from tieout.errors import InvalidInput, NotFound
from tieout.model import ChannelSettings, Message, Principal, Role, Run, RunRequest
from tieout.ports import Desk
from tieout.ports.conversations import ConversationStore


@dataclass(frozen=True)
class Asked:
    """A call of a command: who, where, with what, and what was said before in the thread (oldest first).

    `fetch` downloads a posted file from the platform, `open_to_all` tells whether everybody of the team may read here,
    and `conversations` keeps the settings of channels; each is None where there is none. `run` is the run that carries
    the call out: that of a schedule has the day that it is about.
    """

    desk: Desk
    principal: Principal
    inbound: Inbound
    settings: ChannelSettings
    arguments: Mapping[str, str] = field(default_factory=dict)
    history: Sequence[Message] = ()
    fetch: Callable[[Attachment], bytes] | None = None
    open_to_all: Callable[[], bool] | None = None
    conversations: ConversationStore | None = None
    run: Run | None = None

    def text(self, name: str) -> str:
        """Return an argument's text. Raises InvalidInput when it is missing."""
        given = self.arguments.get(name, "").strip()
        if not given:
            raise InvalidInput(f"{name!r} is missing.")
        return given


@dataclass(frozen=True)
class Reply:
    """What is answered at once; with `private` only the person who asked sees it.

    What `settles` a click takes the place of the message whose button was pressed: it asks for nothing any more. A
    `silent` one is kept with the run and said to nobody.
    """

    document: Document
    private: bool = False
    settles: bool = False
    silent: bool = False


@dataclass(frozen=True)
class StartRun:
    """A run whose end is answered; `told` says meanwhile what is being done.

    A `private` one may use the person's own documents, and is answered in direct messages. A `quiet` one tells nothing
    meanwhile, and nothing in the end where the run's `outcome` is to say nothing. `buttons` change what is asked again
    and again, in place of those that ask it again.
    """

    request: RunRequest
    told: str = "Working on it"
    private: bool = False
    quiet: bool = False
    buttons: tuple[Button, ...] = ()


type Handler = Callable[[Asked], Reply | StartRun]


@dataclass(frozen=True)
class Argument:
    """One argument: in text they stand in their order, and one with `rest` takes all that is left."""

    name: str
    help: str
    required: bool = True
    choices: tuple[str, ...] = ()
    rest: bool = False
    suggest: Callable[[Desk, Principal, str], Sequence[str]] | None = None  # what begins with, or fits, the typed text


@dataclass(frozen=True)
class Command:
    """A command of both platforms. `role` is the least that the person must have."""

    name: str
    summary: str
    handler: Handler
    arguments: tuple[Argument, ...] = ()
    role: Role = Role.MEMBER
    verbs: tuple[str, ...] = ()  # of buttons that it answers: `verb:argument` is its call with the first argument
    forms: Mapping[str, Form] = field(
        default_factory=dict
    )  # what buttons of a verb ask before; its fields are arguments

    @property
    def usage(self) -> str:
        """Return how it is written: `brief TICKER`, optional arguments in brackets."""
        words = [one.name.upper() if one.required else f"[{one.name}]" for one in self.arguments]
        return " ".join([self.name, *words])


class Commands:
    """The commands of the bots, by name."""

    def __init__(self, commands: Iterable[Command]) -> None:
        """Take commands. Raises ValueError for two of one name or verb."""
        self._commands: dict[str, Command] = {}
        self._verbs: dict[str, Command] = {}
        for command in commands:
            if command.name in self._commands:
                raise ValueError(f"two commands are called {command.name!r}")
            self._commands[command.name] = command
            for verb in command.verbs:
                if verb in self._verbs:
                    raise ValueError(f"two commands answer buttons of {verb!r}")
                self._verbs[verb] = command
            if unknown := set(command.forms) - set(command.verbs):
                raise ValueError(f"{command.name!r} asks something for buttons that it does not answer: {unknown}")

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def find(self, name: str) -> Command | None:
        """Return the command of that name, in any case of letters."""
        return self._commands.get(name.lower())

    def get(self, name: str) -> Command:
        """Return the command. Raises NotFound naming those there are."""
        command = self.find(name)
        if command is None:
            raise NotFound(f"There is no command {name!r}; there are: {', '.join(sorted(self._commands))}.")
        return command

    def of_button(self, verb: str) -> Command:
        """Return the command that answers buttons of the verb. Raises NotFound."""
        if verb not in self._verbs:
            raise NotFound("This button is of an older version of tieout; ask again to get new ones.")
        return self._verbs[verb]

    def form_of(self, action: str) -> Form | None:
        """Return what a button asks before it does anything; None for one that asks nothing, and for unknown ones."""
        verb = action.partition(":")[0]
        command = self._verbs.get(verb)
        return command.forms.get(verb) if command is not None else None


def discover() -> Commands:
    """Return the commands of `bots.commands`. Raises ValueError for two of one name."""
    import bots.commands

    found = pkgutil.iter_modules(bots.commands.__path__)
    modules = [importlib.import_module(f"{bots.commands.__name__}.{module.name}") for module in found]
    return Commands(module.COMMAND for module in modules if hasattr(module, "COMMAND"))


def arguments_of(command: Command, text: str) -> dict[str, str]:
    """Return the arguments that a text holds. Raises InvalidInput naming what is missing or too much."""
    left, given = text.strip(), dict[str, str]()
    for argument in command.arguments:
        if argument.rest:
            value, left = left, ""
        else:
            value, _, left = left.partition(" ")
            left = left.strip()
        if value:
            given[argument.name] = value
    if left:
        raise InvalidInput(f"{left!r} is more than `{command.usage}` takes.")
    return checked(command, given)


def checked(command: Command, given: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments. Raises InvalidInput naming what is missing, unknown or not a choice."""
    known = {argument.name: argument for argument in command.arguments}
    for name in given:
        if name not in known:
            raise InvalidInput(f"`{command.name}` has no argument {name!r}; write `{command.usage}`.")
    for name, argument in known.items():
        value = given.get(name, "").strip()
        if argument.required and not value:
            raise InvalidInput(f"{argument.name} is missing ({argument.help}); write `{command.usage}`.")
        if value and argument.choices and value not in argument.choices:
            raise InvalidInput(f"{name} is one of {', '.join(argument.choices)}, not {value!r}.")
    return {name: value.strip() for name, value in given.items() if value.strip()}
