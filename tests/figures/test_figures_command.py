"""``optassay figures``: what is drawn again and why, what survives failures, damage and Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from figures import registry, staleness
from figures.cli import Remaining, figures

GOOD = ["--only", "sample/one", "--only", "sample/two"]


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setattr(registry, "MODULES", ("sample_figures",))
    staleness._digest.cache_clear()


def call(out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(figures, ["--out", str(out), "--jobs", "1", *arguments], standalone_mode=True)


def reasons(result: Result) -> dict[str, str]:
    lines = (line.partition(": ") for line in result.stdout.splitlines())
    return {name: rest.partition(",")[0] for name, _, rest in lines if name.startswith("sample/")}


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file() and p.name != "timings.json"}


def test_new_then_fresh(sample: None, tmp_path: Path) -> None:
    first = call(tmp_path, *GOOD)
    assert first.exit_code == 0, first.output
    assert reasons(first) == {"sample/one": "new", "sample/two": "new"}
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    second = call(tmp_path, *GOOD)
    assert reasons(second) == {"sample/one": "fresh", "sample/two": "fresh"}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == stamps


def test_force_gives_the_same_bytes(sample: None, tmp_path: Path) -> None:
    call(tmp_path, *GOOD)
    before = files(tmp_path)
    assert reasons(call(tmp_path, *GOOD, "--force")) == {"sample/one": "forced", "sample/two": "forced"}
    assert files(tmp_path) == before


def test_changed_source_of_a_helper_is_noticed(sample: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "path" / "helper_of_figures.py"
    helper.parent.mkdir()
    helper.write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(helper.parent))
    import sample_figures

    one = sample_figures.make("one")
    uses = {**one.__dict__, "uses": ("helper_of_figures",)}
    monkeypatch.setattr(sample_figures, "FIGURES", [registry.Figure(**uses)])
    out = tmp_path / "out"
    assert reasons(call(out)) == {"sample/one": "new"}
    staleness._digest.cache_clear()
    assert reasons(call(out)) == {"sample/one": "fresh"}
    helper.write_text("A = 2\n")
    staleness._digest.cache_clear()
    assert reasons(call(out)) == {"sample/one": "source changed"}


def test_changed_library_and_drawing(sample: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(tmp_path, *GOOD)
    data = tmp_path / "sample" / "one.normal.npz"
    stamp = data.stat().st_mtime_ns
    real = staleness._versions

    def with_matplotlib(names: tuple[str, ...]) -> dict[str, str]:
        return real(names) | ({"matplotlib": "99"} if "matplotlib" in names else {})

    monkeypatch.setattr(staleness, "_versions", with_matplotlib)
    assert reasons(call(tmp_path, *GOOD))["sample/one"] == "drawing changed"
    assert data.stat().st_mtime_ns == stamp, "a new look must not compute the data again"
    monkeypatch.setattr(staleness, "_versions", lambda names: real(names) | {"numpy": "99"})
    assert reasons(call(tmp_path, *GOOD))["sample/one"].startswith("versions changed (numpy")


@pytest.mark.parametrize("damage", ["cut", "flipped", "replaced"])
def test_corrupt_cache_entry_is_computed_again_with_a_notice(sample: None, tmp_path: Path, damage: str) -> None:
    call(tmp_path, *GOOD)
    before = files(tmp_path)
    path = tmp_path / "sample" / "one.normal.npz"
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[:100])
    elif damage == "flipped":
        path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    else:
        path.write_bytes((tmp_path / "sample" / "two.normal.npz").read_bytes()[::-1])
    result = call(tmp_path, *GOOD)
    assert result.exit_code == 0
    assert reasons(result) == {"sample/one": "cache entry corrupt", "sample/two": "fresh"}
    assert "sample/one: its cache entry is corrupt and is computed again" in result.stderr
    assert files(tmp_path) == before


def test_corrupt_cache_entry_found_only_while_loading(sample: None, tmp_path: Path) -> None:
    call(tmp_path, *GOOD)
    before = files(tmp_path)
    path = tmp_path / "sample" / "one.normal.npz"
    content = bytearray(path.read_bytes())
    content[content.index(b"x.npy") + 40] ^= 0xFF  # the array; the provenance stays readable
    path.write_bytes(bytes(content))
    (tmp_path / "manifest.json").unlink()  # and with it the checksum
    result = call(tmp_path, *GOOD)
    assert result.exit_code == 0
    assert reasons(result)["sample/one"] == "cache entry corrupt"
    assert "corrupt" in result.stderr
    assert files(tmp_path) == before


def test_missing_and_changed_drawings_are_drawn_again(sample: None, tmp_path: Path) -> None:
    call(tmp_path, *GOOD)
    before = files(tmp_path)
    (tmp_path / "sample" / "one.svg").unlink()
    (tmp_path / "sample" / "two.csv").write_text("x\n7\n")
    assert reasons(call(tmp_path, *GOOD)) == {
        "sample/one": "one.svg is missing",
        "sample/two": "two.csv was changed",
    }
    assert files(tmp_path) == before


def test_levels_keep_their_data(sample: None, tmp_path: Path) -> None:
    call(tmp_path, *GOOD)
    assert reasons(call(tmp_path, *GOOD, "--quick"))["sample/one"] == "new at level quick"
    assert reasons(call(tmp_path, *GOOD))["sample/one"] == "level changed (quick to normal)"
    assert (tmp_path / "sample" / "one.csv").read_text().count("\n") == 6


def test_one_failure_does_not_stop_the_others(sample: None, tmp_path: Path) -> None:
    result = call(tmp_path)
    assert result.exit_code == 1
    assert reasons(result) == {"sample/one": "new", "sample/two": "new"}
    assert "sample/broken: failed (RuntimeError: no numbers at level normal)" in result.stderr
    page = (tmp_path / "index.html").read_text()
    assert "RuntimeError: no numbers at level normal" in page
    assert "2 of 4 figures" in page
    assert reasons(call(tmp_path))["sample/one"] == "fresh"


def test_heavy_figures_wait_for_full(sample: None, tmp_path: Path) -> None:
    refused = call(tmp_path, "--only", "sample/heavy")
    assert refused.exit_code == 2
    assert "'sample/heavy' has no normal version: give --full" in refused.stderr
    assert reasons(call(tmp_path, "--only", "sample/heavy", "--full")) == {"sample/heavy": "new"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "sample/onee"], "figure 'sample/onee' is not known; did you mean 'sample/one'?"),
        (["--quick", "--full"], "--quick and --full exclude each other"),
    ],
)
def test_usage_errors_take_one_line(sample: None, tmp_path: Path, arguments: list[str], message: str) -> None:
    result = call(tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_unwritable_folder(sample: None, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("here")
    result = call(blocked / "figures")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"--out {blocked / 'figures'} must be a folder that can be written to" in result.stderr
    assert blocked.read_text() == "here"


def test_list_draws_nothing(sample: None, tmp_path: Path) -> None:
    result = call(tmp_path / "none", "--list")
    assert result.exit_code == 0
    assert not (tmp_path / "none").exists()
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert rows["sample/one"].endswith("new")
    assert rows["sample/heavy"].endswith("not at this level")


def test_time_left_follows_the_declared_costs() -> None:
    left = Remaining({"a": 100.0, "b": 60.0}, jobs=2)
    assert str(left) in {"1:40 left", "1:39 left"}
    left.start -= 30.0  # b took 30 s: the declared costs are too high by 60 * 2 workers / 30 s ... per core
    assert left.done("b") == 60.0
    assert left.scale == pytest.approx(1.0, rel=0.01)
    assert left.done("a") == 100.0
    assert str(left) == "almost done"


def test_interruption_keeps_what_is_finished(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from optassay.cli import main; main()", "figures", "--jobs", "2"]
    only = ["--only", "dissecting-adam/figure-1", "--only", "dissecting-adam/figure-2-start"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path), *only],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = time.monotonic() + 60
    manifest = tmp_path / "manifest.json"
    while not (manifest.is_file() and "figure-1" in manifest.read_text()) and time.monotonic() < limit:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and its workers
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert "interrupted: everything finished so far is kept" in stderr
    assert "Traceback" not in stderr
    assert not list(tmp_path.rglob(".*.part"))
    assert not (tmp_path / "dissecting-adam" / "figure-2-start.normal.npz").exists()
    again = call(tmp_path, "--only", "dissecting-adam/figure-1")
    assert "dissecting-adam/figure-1: fresh" in again.stdout


def test_same_bytes_whatever_the_number_of_jobs(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    names = ("figure-1", "figure-2-start", "figure-4")
    only = ["--quick", *(word for name in names for word in ("--only", f"dissecting-adam/{name}"))]
    assert call(one, *only).exit_code == 0
    assert call(two, *only, "--jobs", "2").exit_code == 0
    first, second = files(one), files(two)
    assert len(first) == 4 * len(names) + 2
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
    manifest = json.loads(first["manifest.json"])
    assert str(tmp_path) not in first["manifest.json"].decode()
    assert all(entry["data"]["versions"]["numpy"] for entry in manifest["figures"])


def test_users_matplotlib_settings_do_not_matter(sample: None, tmp_path: Path) -> None:
    import matplotlib as mpl

    call(tmp_path / "a", *GOOD)
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "none"}):
        call(tmp_path / "b", *GOOD)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_leftovers_of_killed_workers_are_removed(sample: None, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    leftover = tmp_path / "sample" / ".one.svg.abc.part"
    leftover.write_text("half")
    call(tmp_path, *GOOD)
    assert not leftover.exists()
    shutil.rmtree(tmp_path / "sample")
    result: Any = call(tmp_path, *GOOD)
    assert reasons(result) == {"sample/one": "new at level normal", "sample/two": "new at level normal"}


PLUGIN = """
import os, signal
from sample_figures import draw, table, caption, data, make

def dies(level):
    os.kill(os.getpid(), signal.SIGKILL)

FIGURES = [make("from-elsewhere"), make("killed", dies)]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """Environment of a process that sees another distribution's figures, as an installed one would be seen."""
    site = tmp_path / "site"
    info = site / "elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[optassay.figures]\nelsewhere = elsewhere_figures\n")
    (site / "elsewhere_figures.py").write_text(PLUGIN)
    shutil.copy(Path(__file__).parent / "sample_figures.py", site)
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def test_figures_of_another_distribution_and_a_killed_worker(tmp_path: Path, plugin: dict[str, str]) -> None:
    command = [sys.executable, "-c", "from optassay.cli import main; main()", "figures", "--out", str(tmp_path / "out")]
    alone = [*command, "--jobs", "1", "--only", "sample/from-elsewhere"]
    first = subprocess.run(alone, env=plugin, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "sample/from-elsewhere: new" in first.stdout
    both = [*command, "--jobs", "2", "--force", "--only", "sample/killed", "--only", "dissecting-adam/figure-5"]
    second = subprocess.run(both, env=plugin, capture_output=True, text=True)
    assert second.returncode == 1, second.stderr
    assert "sample/killed: failed (a worker process was killed" in second.stderr
    assert "Traceback" not in second.stderr
    assert not list((tmp_path / "out").rglob(".*.part"))
