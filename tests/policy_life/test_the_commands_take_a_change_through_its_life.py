"""`gateway policy` in an installed demonstration: each command does its work, and each wrong input says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.policy import drafting, lifecycle
from tests.installation import environment
from tests.policy_life.changing import AUTHOR, FILE, PERMIT, SECOND, STOP
from tests.web import second

DOCUMENTED = Path(__file__).parents[2] / "docs" / "commands.md"
DONE, REFUSED, MISUSED = 0, 1, 2


@dataclass(frozen=True)
class Answer:
    """What a command printed, on both channels, and its exit code."""

    code: int
    said: str

    @property
    def last(self) -> str:
        """The last line: a command that makes something prints its id there."""
        return self.said.strip().splitlines()[-1]


Run = Callable[..., Answer]


@pytest.fixture
def run(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run `gateway policy ...` on a copy of the installation."""
    folder = tmp_path / "installed"
    shutil.copytree(installation, folder)
    for name, value in environment(folder).items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(["policy", *arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Answer(int(stop.value.code or 0), said.out + said.err)

    return command


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The MAPPA pack with a stop in it, as a file."""
    return _pack_with(tmp_path, STOP)


def _approved(by: str, draft: str, *, status: int = 200) -> str:
    """What another officer reads once she approved a draft in her pages."""
    with second.configured() as gateway:
        return second.approves_policy(gateway, by, draft, status=status).text


def _pack_with(folder: Path, rule: dict[str, object]) -> Path:
    path = folder / FILE
    path.write_text(drafting.put_rule(lifecycle.shipped_files()[FILE], rule), encoding="utf-8")
    return path


def _drafted(run: Run, file: Path) -> str:
    draft = run("draft", "Convictions", "--reason", "The board agreed.", "--post", AUTHOR).last
    taken = run("import", draft, str(file), "--post", AUTHOR)
    assert taken.code == DONE, taken.said
    return draft


def test_from_draft_to_rollback(run: Run, changed: Path, tmp_path: Path) -> None:
    draft = _drafted(run, changed)
    for check in ("check", "shape", "test", "prove", "analyse"):
        assert run(check, draft).code == DONE, check
    assert "rule added" in run("diff", draft).said
    assert json.loads(run("diff", draft, "--json").said)["tightens_only"] is True
    found = json.loads(run("impact", draft, "--json").said)
    assert found["changed"]
    assert "would change" in run("impact", draft, "--days", "30").said
    signed = run("sign", draft, "--post", AUTHOR)
    assert (signed.code, "in her pages" in signed.said) == (DONE, True)
    assert "Approved and signed" in _approved(SECOND, draft)
    explained = run("explain", found["changed"][0]["reference"])
    assert explained.code == DONE
    assert "policy " in explained.said
    assert json.loads(run("explain", found["changed"][0]["reference"], "--json").said)
    assert run("export", str(tmp_path / "out")).code == DONE
    assert str(STOP["id"]) in (tmp_path / "out" / "packs" / FILE).read_text(encoding="utf-8")
    back = run("rollback", "1", "--reason", "It was wrong.", "--post", SECOND).last
    assert "Approved and signed" in _approved(AUTHOR, back)
    listed = run("list").said
    assert listed.count("hold") == 3
    assert "DO NOT HOLD" not in listed


def test_what_only_tightens_is_activated_at_once_and_what_opens_is_not(
    run: Run, changed: Path, tmp_path: Path
) -> None:
    acted = run("activate", _drafted(run, changed), "--post", AUTHOR)
    assert (acted.code, "to be reviewed" in acted.said) == (DONE, True)
    (tmp_path / "open").mkdir()
    opens = _drafted(run, _pack_with(tmp_path / "open", {**PERMIT}))
    refused = run("activate", opens, "--post", AUTHOR)
    assert (refused.code, "second officer" in refused.said) == (REFUSED, True)


def test_a_trial_is_listed(run: Run, tmp_path: Path) -> None:
    assert "No rule is on trial" in run("trials").said
    draft = _drafted(run, _pack_with(tmp_path, {**STOP, "status": "trial"}))
    run("activate", draft, "--post", AUTHOR)
    assert "It would have changed 0 of 0 decisions since" in run("trials").said


def test_each_check_fails_by_its_own_command(run: Run, tmp_path: Path) -> None:
    bad = {**STOP, "test": [{**STOP["test"][0], "expect": "refer"}]}
    draft = _drafted(run, _pack_with(tmp_path, bad))
    for check in ("test", "check"):
        found = run(check, draft)
        assert (found.code, "expected refer" in " ".join(found.said.split())) == (REFUSED, True)
    assert run("shape", draft).code == DONE
    signed = run("sign", draft, "--post", AUTHOR)
    assert (signed.code, "It can't be signed" in signed.said) == (REFUSED, True)


def test_the_checks_of_a_folder_fail_where_they_should(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("export", str(out)).code == DONE
    assert run("check", "--folder", str(out)).code == DONE
    core = (out / "core.toml").read_text(encoding="utf-8")
    (out / "core.toml").write_text(
        drafting.drop_rule(core, "core-c-safety-critical-to-perpetrator-facing"), encoding="utf-8"
    )
    broken = run("prove", "--folder", str(out))
    assert (broken.code, "for example when" in broken.said) == (REFUSED, True)
    changed_core = run("shape", "--folder", str(out))
    assert (changed_core.code, "core isn't the one" in changed_core.said) == (REFUSED, True)
    (out / "packs" / FILE).write_text("[pack]\nkind = 'nonsense'\n", encoding="utf-8")
    unread = run("check", "--folder", str(out))
    assert (unread.code, "vocabulary and shape" in unread.said) == (REFUSED, True)
    assert run("analyse", "--folder", str(out)).code == REFUSED


NOBODY = "0" * 32


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("check", NOBODY), REFUSED, "no such draft"),
        (("diff", NOBODY), REFUSED, "no such draft"),
        (("impact", NOBODY), REFUSED, "no such draft"),
        (("prove", NOBODY), REFUSED, "no such draft"),
        (("export", "out", "--draft", NOBODY), REFUSED, "no such draft"),
        (("import", NOBODY, str(DOCUMENTED), "--post", AUTHOR), REFUSED, "no such draft"),
        (("sign", NOBODY, "--post", AUTHOR), REFUSED, "no such draft"),
        (("approve", NOBODY, "--post", SECOND, "--words", "Yes."), MISUSED, "no such command"),
        (("activate", NOBODY, "--post", AUTHOR), REFUSED, "no such draft"),
        (("rollback", "9", "--reason", "Why.", "--post", AUTHOR), REFUSED, "no such activation"),
        (("rollback", "1", "--reason", "Why.", "--post", AUTHOR), REFUSED, "policy in force"),
        (("rollback", "one", "--reason", "Why.", "--post", AUTHOR), MISUSED, "not a valid integer"),
        (("explain", "NO-SUCH"), REFUSED, "no decided request"),
        (("draft", "A change", "--reason", "Why.", "--post", "nobody"), REFUSED, "no post has this key"),
        (("draft", "A change", "--reason", "Why.", "--post", "probation-om"), REFUSED, "no such page"),
        (("draft", "A change", "--reason", " ", "--post", AUTHOR), REFUSED, "reason"),
        (("draft", "A change", "--post", AUTHOR), MISUSED, "--reason"),
        (("impact", "--days", "0"), MISUSED, "--days"),
        (("check", "--folder", "no/such/folder"), MISUSED, "does not exist"),
        (("check", "--folder", "."), REFUSED, "no core.toml"),
        (("check", "--on", "tomorrow"), MISUSED, "does not match the format"),
        (("nonsense",), MISUSED, "no such command"),
    ],
)
def test_a_wrong_input_is_a_sentence_and_an_exit_code(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    answer = run(*arguments)
    assert (answer.code, says in " ".join(answer.said.lower().split())) == (code, True), answer.said


def test_nobody_approves_her_own_and_no_foreign_text_is_taken(
    run: Run, changed: Path, tmp_path: Path
) -> None:
    draft = _drafted(run, changed)
    assert "isn't signed" in _approved(SECOND, draft, status=422)
    run("sign", draft, "--post", AUTHOR)
    assert "Someone else has to approve" in _approved(AUTHOR, draft, status=403)
    other = _drafted(run, changed)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    taken = run("import", other, str(binary), "--post", AUTHOR)
    assert (taken.code, "UTF-8" in taken.said) == (REFUSED, True)
    nonsense = tmp_path / "x.toml"
    nonsense.write_text("[pack]\nkind = 'nonsense'\n", encoding="utf-8")
    taken = run("import", other, str(nonsense), "--post", AUTHOR)
    assert (taken.code, "Kind is core, pack or overlay" in taken.said) == (REFUSED, True)
