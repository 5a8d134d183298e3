"""The ``isogloss`` command: one verb a module, and the one place where errors become words.

Exit codes: 0 done · 1 the answer is no (`compare`, `doctor`), or a defect of ours · 2 the input or
the machine must change · 3 cannot tell (`compare`) · 130 interrupted · 141 the reader went away.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from isogloss.cli import (
    align,
    audit,
    compare,
    concepts,
    control,
    demo,
    doctor,
    judge,
    lab,
    label,
    plan,
    report,
    show,
    study,
    trace,
    translate,
    variants,
)
from isogloss.cli.terminal import one_line
from isogloss.errors import IsoglossError, UserError

VERBS = (
    *(audit, concepts, control, align, trace, study, compare, show, report),
    *(judge, label, translate, variants),
    *(demo, lab, plan, doctor),
)

DEBUG_VARIABLE = "ISOGLOSS_DEBUG"

_MACHINE_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EMFILE,
        errno.ENAMETOOLONG,
    }
)
"""What the operating system says when a disk, a permission or a limit must change."""


class VerbGroup(TyperGroup):
    """Runs a verb; whatever it raises on purpose becomes one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt as error:
            _say("interrupted; what is stored is kept; run the same command to resume")
            raise typer.Exit(130) from error
        except BrokenPipeError as error:
            _discard_stdout()
            raise typer.Exit(141) from error
        except (IsoglossError, OSError) as error:
            raise typer.Exit(_explain(error)) from error
        return result


app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"isogloss {version('isogloss')}")
        raise typer.Exit


@app.callback()
def isogloss(
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Log more to stderr; -vv even more.")
    ] = 0,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Measure in which languages a language model is unsafe or unhelpful, and how sure we are."""
    del version
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"
    configure_logging(verbose)


for _verb in VERBS:
    _verb.register(app)


class _OneLineFormatter(logging.Formatter):
    """Log records may quote files and replies: no control characters reach the terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the base class's name)
        return one_line(super().formatMessage(record))


def configure_logging(verbose: int) -> None:
    """Send log records to stderr: warnings, from ``-v`` on progress, from ``-vv`` on everything.

    Prompts and replies are logged at DEBUG only, so nothing below ``-vv`` ever shows one.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLineFormatter("%(levelname)s %(name)s: %(message)s"))
    others = logging.INFO if verbose > 1 else logging.WARNING
    logging.basicConfig(level=others, handlers=[handler], force=True)
    ours = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.getLogger("isogloss").setLevel(ours)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.WARNING if verbose else logging.ERROR)


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        try:
            app(prog_name="isogloss")
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    """Say on stderr what went wrong; the exit code it deserves."""
    if _debugging():
        traceback.print_exception(error)
    if isinstance(error, UserError):
        _say(str(error))
        return 2
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRNOS:
        place = f" ({error.filename})" if error.filename is not None else ""
        _say(
            f"{error.strerror}{place}. What was stored before is kept; run the same command again."
        )
        return 2
    hint = "" if _debugging() else f" Run with --debug (or {DEBUG_VARIABLE}=1) for the stack trace."
    _say(f"a defect of Isogloss, please report it: {type(error).__name__}: {error}.{hint}")
    return 1


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _say(message: str) -> None:
    typer.echo(f"isogloss: {one_line(message)}", err=True)


def _discard_stdout() -> None:
    """Let the interpreter's last flush of a closed pipe go nowhere, silently."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
