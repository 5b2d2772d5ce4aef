"""Errors that the user can mend, and how a script ends by one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


class InputError(ValueError):
    """Input that the user can mend: a command shows its message alone.

    The message names the value, the place and the remedy.
    """


def run_script(main: Callable[[Sequence[str]], int | None]) -> NoReturn:
    """Run a script's main function on the command line, and end the process.

    It ends with what main returns, 0 for None; with 1 and the message alone where the user can
    mend the input, a file or a disk; with 130 after Ctrl-C. Only a bug shows a traceback.

    Arguments
    ---------
    main : callable
        Takes the command line's words. The same command, given again, continues what it did.
    """
    name = os.path.basename(sys.argv[0])
    try:
        sys.exit(main(sys.argv[1:]) or 0)
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (InputError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{name}: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
