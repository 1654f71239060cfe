# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl conf-init, conf-check, conf-import, conf-export: output and exit status."""

import json
from pathlib import Path

import pytest

from control.tools.xdpdnsctl import main

TEXT = "server:\n  listen: 127.0.0.1\ntemplate:\n  - id: t\n    storage: /tmp\nzone:\n  - domain: a\n    template: t\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    file = tmp_path / "k.conf"
    file.write_text(TEXT)
    return file


def test_init_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """conf-init makes the database silently, and does nothing when it is there."""
    assert [main(["-C", str(tmp_path / "db"), "conf-init"]) for _ in range(2)] == [0, 0]
    assert capsys.readouterr() == ("", "")
    assert main(["-C", "/dev/null/x", "conf-init"]) == 1
    assert "error: configuration database '/dev/null/x' (Not a directory)" in capsys.readouterr().err


def test_import_and_export(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is imported and exported again; overwriting needs -f, adding +nopurge."""
    db, more, out = str(tmp_path / "db"), tmp_path / "more.conf", tmp_path / "out"
    more.write_text("zone:\n  - domain: b\n    template: t\n")
    assert main(["-C", db, "conf-import", str(conf)]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["-C", db, "conf-import", str(conf)]) == 1
    assert "use force option" in capsys.readouterr().err
    assert main(["-f", "-C", db, "conf-import", str(more), "+nopurge"]) == 0
    assert main(["-C", db, "conf-export", str(out)]) == 0
    lines = out.read_text().splitlines()
    assert lines[0].startswith("# Configuration export (pyxdp_dns ")
    assert [line for line in lines if "domain" in line] == ['  - domain: "a."', '  - domain: "b."']
    assert main(["-f", "-C", db, "conf-import", str(out)]) == 0
    assert main(["-C", db, "conf-export"]) == 0
    assert capsys.readouterr().out == out.read_text()
    assert main(["-C", db, "conf-export", "/no/such/directory/file"]) == 1


def test_import_of_a_wrong_file(conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with an error is not imported; what is there stays."""
    db = str(tmp_path / "db")
    assert main(["-C", db, "conf-import", str(conf)]) == 0
    conf.write_text("zone:\n  - domain: a\n    nothing: x\n")
    assert main(["-f", "-C", db, "conf-import", str(conf)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert error == [
        f"error: config, file '{conf}', line 3, item 'nothing', value 'x' (invalid item)",
        "error: import (invalid item)",
    ]
    assert main(["-f", "-C", db, "conf-import", str(tmp_path / "none")]) == 1
    assert main(["-C", db, "conf-export"]) == 0
    assert '"t"' in capsys.readouterr().out


def test_check(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """conf-check says that a configuration is valid, or its first error; --all says every error."""
    assert main(["-c", str(conf), "conf-check"]) == 0
    assert capsys.readouterr().out == "Configuration is valid\n"
    conf.write_text("server:\n  tcp-workers: 4\nexternal:\n  - id: a\n    timeout: x\n")
    assert main(["-c", str(conf), "conf-check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"error: config, file '{conf}', line 2, item 'tcp-workers', value '4' (not supported by this server)",
        f"error: failed to load configuration file '{conf}' (not supported by this server)",
    ]
    assert main(["conf-check", "--all", str(conf)]) == 1
    error = capsys.readouterr().err.splitlines()
    assert [line.split(",")[2] for line in error[:3]] == [" line 2", " line 3", " line 5"]
    assert error[3:] == [f"error: failed to load configuration file '{conf}' (3 errors)"]
    assert main(["-c", "/none", "conf-check"]) == 1
    assert main(["conf-check", "--all", "/none"]) == 1
    assert main(["-C", "/none", "conf-check"]) == 1
    assert "error: configuration database '/none' (not exists)" in capsys.readouterr().err


def test_notices_and_warnings(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is obsolete or probably not meant is told, and the configuration is valid."""
    conf.write_text("server:\n  tcp-fastopen: on\n")
    assert main(["conf-check", str(conf)]) == 0
    error = capsys.readouterr().err
    assert "notice: config, line 2, option 'server.tcp-fastopen' is obsolete" in error
    assert "warning: config, no listen address" in error


def test_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is printed as JSON, or exported to a file."""
    assert main(["conf-check", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    zone = schema["properties"]["zone"]["items"]["properties"]
    assert zone["semantic-checks"]["enum"] == ["off", "on", "soft"]
    assert (zone["file"]["x-supported"], zone["include-from"]["x-supported"]) == (True, False)
    assert main(["conf-export", str(tmp_path / "s.json"), "+schema"]) == 0
    assert json.loads((tmp_path / "s.json").read_text()) == schema
