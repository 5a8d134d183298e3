"""The command line as a shell sees it: words on stderr, exit codes, nothing else."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from isogloss.cli import main
from isogloss.cli.terminal import one_line
from isogloss.errors import DefectError, InputError, LanguageError


def app_raising(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=main.VerbGroup)

    @app.callback()
    def _callback() -> None: ...  # pyright: ignore[reportUnusedFunction]

    @app.command()
    def fail() -> None:  # pyright: ignore[reportUnusedFunction]
        raise error

    return app


def run(error: BaseException) -> tuple[int, str]:
    result = CliRunner().invoke(app_raising(error), ["fail"])
    assert result.stdout == ""
    return result.exit_code, result.stderr


def isogloss(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "isogloss", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("kind", [InputError, LanguageError])
def test_a_user_error_is_one_line_and_code_2(kind: type[Exception]) -> None:
    code, stderr = run(kind("no language 'xx';\ndid you mean 'xh'?"))
    assert code == 2
    assert stderr == "isogloss: no language 'xx'; did you mean 'xh'?\n"


def test_control_characters_in_a_message_never_reach_the_terminal() -> None:
    _, stderr = run(InputError("column '\x1b[31mbad\x07\u202edrow\x00' of \ud800.csv"))
    assert stderr == "isogloss: column '[31mbaddrow' of .csv\n"


def test_a_defect_is_code_1_and_says_how_to_see_more() -> None:
    code, stderr = run(DefectError("counts do not sum to 12"))
    assert code == 1
    assert "counts do not sum to 12" in stderr
    assert "--debug" in stderr
    assert "Traceback" not in stderr


def test_debug_shows_the_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(main.DEBUG_VARIABLE, "1")
    code, stderr = run(DefectError("counts do not sum to 12"))
    assert code == 1
    assert "Traceback" in stderr
    assert "test_main.py" in stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_is_the_users_to_mend(number: int) -> None:
    code, stderr = run(OSError(number, os.strerror(number), "/somewhere/run.db"))
    assert code == 2
    assert os.strerror(number) in stderr
    assert "/somewhere/run.db" in stderr
    assert stderr.count("\n") == 1


def test_an_interrupt_says_that_what_is_stored_is_kept() -> None:
    code, stderr = run(KeyboardInterrupt())
    assert code == 130
    assert "what is stored is kept" in stderr
    assert "run the same command to resume" in stderr


def test_an_unforeseen_exception_is_a_defect_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", app_raising(ZeroDivisionError("division by zero")))
    monkeypatch.setattr(sys, "argv", ["isogloss", "fail"])
    with pytest.raises(SystemExit) as exit_:
        main.main()
    assert exit_.value.code == 1
    stderr = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in stderr
    assert stderr.count("\n") == 1


def test_every_verb_is_listed_and_explains_itself() -> None:
    listed = isogloss("--help").stdout
    for verb in main.VERBS:
        name = verb.__name__.rpartition(".")[2]
        assert f" {name} " in listed
        result = CliRunner().invoke(main.app, [name, "--help"])
        assert result.exit_code == 0, name
        assert len(result.stdout) > 200, name


def test_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert isogloss("--version").stdout == f"isogloss {version('isogloss')}\n"


def test_an_unknown_verb_or_option_is_code_2() -> None:
    for arguments in (["docter"], ["doctor", "--jason"], ["--nonsense"]):
        result = isogloss(*arguments)
        assert result.returncode == 2
        assert result.stdout == ""
        assert "Traceback" not in result.stderr


def app_script(folder: Path, body: str) -> list[str]:
    """A command line of one verb, `verb`, in a process of its own."""
    script = folder / "script.py"
    script.write_text(
        "import time, typer\n"
        "from isogloss.cli import main\n"
        "main.app = typer.Typer(cls=main.VerbGroup)\n"
        "main.app.callback()(lambda: None)\n"
        "@main.app.command()\n"
        "def verb() -> None:\n"
        f"    {body}\n"
        "main.main()\n"
    )
    return [sys.executable, str(script), "verb"]


@pytest.mark.parametrize("body", ["print('x' * 100_000)", "print('x')", "typer.echo('x')"])
def test_a_reader_that_leaves_is_no_error(body: str, tmp_path: Path) -> None:
    # The reader is gone before the first byte: every write and flush meets a closed pipe.
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            app_script(tmp_path, body),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (141, "")


def test_a_real_sigint_ends_with_130(tmp_path: Path) -> None:
    command = app_script(tmp_path, "print('started', flush=True); time.sleep(60)")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "run the same command to resume" in stderr
    assert "Traceback" not in stderr


def test_logging_shows_progress_with_v_and_prompts_only_with_vv() -> None:
    script = (
        "import logging\n"
        "from isogloss.cli.main import configure_logging\n"
        "configure_logging({level})\n"
        "log = logging.getLogger('isogloss.audit.run')\n"
        "log.warning('w'); log.info('i\\x1b[2J\\nnext'); log.debug('prompt text')\n"
        "logging.getLogger('transformers').info('chatter')\n"
    )
    seen = [
        subprocess.run(
            [sys.executable, "-c", script.format(level=level)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stderr.splitlines()
        for level in (0, 1, 2)
    ]
    warning, info = "WARNING isogloss.audit.run: w", "INFO isogloss.audit.run: i[2J next"
    assert seen[0] == [warning]
    assert seen[1] == [warning, info]
    assert seen[2] == [
        warning,
        info,
        "DEBUG isogloss.audit.run: prompt text",
        "INFO transformers: chatter",
    ]


def test_one_line_keeps_words_and_cuts_walls_of_text() -> None:
    assert one_line("நலமா 你好 café\t-\r\nend") == "நலமா 你好 café - end"
    long = one_line("x" * 100_000, limit=50)
    assert long == "x" * 50 + "…"
    assert one_line("\x00" * 1000 + "end", limit=10).endswith("…")
