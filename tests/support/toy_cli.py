"""The real command line over real parts, except that its agents are the toys of tests.support.desk.

With `--batch`, many commands one after another in one process: a JSON list of argument lists comes in, a list of
[exit code, standard output, standard error] goes out.
"""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys

from tests.support.desk import agents
from tieout import bootstrap, cli


def one(arguments: list[str]) -> tuple[int, str, str]:
    """Run one command in this process."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv[1:] = arguments
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    return int(str(code or 0)), out.getvalue(), err.getvalue()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
    bootstrap._agents = agents
    if sys.argv[1:] == ["--batch"]:
        json.dump([one(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
    else:
        cli.main()
