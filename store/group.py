"""Does the work of many threads in groups: whoever comes first leads, and does what the others wait for, too.

A thread that comes while another one leads joins the queue; the next leader takes the whole queue. Work that nobody
else waits beside is done by its own thread at once, without a hop to another.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

_MOST = 64  # operations of one group: whoever leads does not work for others for ever


class Operation:
    """What one thread wants done: `together` does a set of such, given their arguments; None: see the subclass."""

    __slots__ = ("argument", "error", "gone", "leads", "result", "settled", "together", "turn")

    def __init__(self, together: Any, argument: Any) -> None:
        self.together = together
        self.argument = argument
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False  # its thread works, for itself and for others
        self.settled = False  # it is kept, or refused: never to be done again
        self.gone = False  # its thread was interrupted and waits no more
        self.result: Any = None
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let its thread look what has become of it. Once too often does no harm."""
        with suppress(RuntimeError):
            self.turn.release()


class Group(ABC):
    """The queue and its leader. An operation may be run twice, but is kept once.

    Whatever a leader works on stays in the queue until it is settled, so that nothing is lost with its thread.
    """

    def __init__(self, *, gather_s: float, enough: int) -> None:
        """A leader waits `gather_s` seconds for those of the last group, unless there are `enough` at once."""
        self._gather_s = gather_s
        self._enough = enough
        self._queue: deque[Operation] = deque()
        self._guard = threading.Lock()  # of the queue and of who leads
        self._usual = 0  # how many of late were in a group

    @abstractmethod
    def _write(self, group: list[Operation]) -> None:
        """Do the operations and settle each, with a result or an error. What an interrupt leaves is done again."""

    @abstractmethod
    def _drop(self) -> None:
        """Give up whatever is open: the leader was interrupted."""

    def _run(self, mine: Operation) -> Any:
        try:
            with self._guard:
                self._queue.append(mine)
                mine.leads = self._queue[0] is mine
            while not (mine.leads or mine.settled):
                mine.turn.acquire()
                with self._guard:
                    mine.leads = not mine.settled and self._queue[0] is mine
            if mine.leads:
                self._lead(mine)
        except BaseException:  # an interrupt of this thread, wherever it came: the others go on
            self._leave(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return mine.result

    def _lead(self, mine: Operation) -> None:
        # Those who were in the last group come back together; a group without them would make them all wait for two.
        if len(self._queue) < min(self._usual, self._enough):
            time.sleep(self._gather_s)
        with self._guard:
            group = [one for one in islice(self._queue, _MOST) if not one.gone]
        self._usual = max(len(group), self._usual // 2)
        try:
            self._write(group)
        except BaseException:
            self._drop()
            raise
        self._pass_on(mine)

    def _leave(self, mine: Operation) -> None:
        """Give up an operation whose thread goes away, and the lead with it."""
        mine.gone = True
        with self._guard:
            leads = mine.leads or (bool(self._queue) and self._queue[0] is mine)
        if leads:
            self._pass_on(mine)
        elif self._queue:
            self._queue[0].wake()  # perhaps the interrupt came just before that

    def _pass_on(self, mine: Operation) -> None:
        """Take what is settled from the queue, wake its threads and the next leader. Another time does no harm."""
        with self._guard:
            while self._queue:
                first = self._queue[0]
                if first is not mine and (first.leads or not (first.settled or first.gone)):
                    break
                first.wake()
                self._queue.popleft()
            mine.leads = False
            if self._queue:
                self._queue[0].wake()


class GroupCalls(Group):
    """Calls a function for the arguments of many threads at once, where nothing has to be opened or given up."""

    def __init__(self) -> None:
        super().__init__(gather_s=0.001, enough=8)  # a server's answer, with its flush, takes longer than that

    def run[A, T](self, together: Callable[[Sequence[A]], Sequence[T]], argument: A) -> T:
        """Return what `together` gives for the argument. When it raises, it is called for each argument alone."""
        result: T = self._run(Operation(together, argument))
        return result

    def _write(self, group: list[Operation]) -> None:
        kinds: dict[Any, list[Operation]] = {}
        for operation in group:
            kinds.setdefault(operation.together, []).append(operation)
        for operations in kinds.values():
            self._call(operations)

    def _call(self, operations: list[Operation]) -> None:
        try:
            perform(operations)
        except Exception as error:
            if len(operations) == 1:
                operations[0].error = error
            else:
                for operation in operations:
                    self._call([operation])
                return
        for operation in operations:
            operation.settled = True

    def _drop(self) -> None:
        pass


def perform(operations: Sequence[Operation], *given: Any) -> None:
    """Do a set of operations of one kind and note what came of each. Raises what `together` raises."""
    outcomes = operations[0].together(*given, [operation.argument for operation in operations])
    for operation, outcome in zip(operations, outcomes, strict=True):
        if isinstance(outcome, Exception):
            operation.error = outcome
        else:
            operation.result = outcome
