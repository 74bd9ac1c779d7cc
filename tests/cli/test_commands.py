"""Every command explains itself, and can be found."""

from __future__ import annotations

import re

import pytest

from aigc_demo import __main__ as program


def test_help_of_every_command_begins_with_a_sentence_and_an_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in program.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            program.main([command, "--help"])
        assert ended.value.code == 0
        usage, sentence, example, *_ = capsys.readouterr().out.split("\n\n")
        assert usage.startswith(f"usage: python -m aigc_demo {command} ")
        assert re.fullmatch(r"[A-Z][^\n]{20,90}:", sentence), command
        assert example.startswith(f"    python -m aigc_demo {command} "), command


def test_an_unknown_command_is_told_the_choices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["paint"])
    assert "restore" in capsys.readouterr().err
