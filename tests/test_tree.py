"""The house keeps its own rules: floors, sizes, documents and set-up say the same as the tree."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import typer

from riskmap.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("web", "jobs", "layers", "riskmap")
READMES = ("README.md", "README.zh-CN.md")
MOST_LINES = 400


def tracked(*suffixes: str) -> list[Path]:
    """The files of the repository and those about to join it, by suffix; none: all of them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    files = [ROOT / name for name in sorted(set(names)) if name]
    return [f for f in files if f.is_file() and (not suffixes or f.suffix in suffixes)]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def floor_modules() -> dict[str, set[str]]:
    """By floor the names of its Python files, without the package's own and the migrations."""
    return {
        floor: {p.stem for p in (ROOT / floor).glob("*.py")} - {"__init__", "__main__"} for floor in FLOORS
    }


def trees(*floors: str) -> Iterator[tuple[str, ast.Module]]:
    for path in tracked(".py"):
        if named(path).split("/")[0] in floors:
            yield named(path), ast.parse(path.read_text("utf-8"))


# --- sizes and floors ----------------------------------------------------------------------------------------


def test_no_file_outgrows_its_word() -> None:
    """A file that nears 400 lines is missing a word. Migrations are history: they are never split later."""
    code = [p for p in tracked(".py", ".sql", ".js", ".css", ".html", "") if "migrations" not in p.parts]
    long = {named(p): n for p in code if (n := len(p.read_text("utf-8").splitlines())) > MOST_LINES}
    assert long == {}


def test_there_are_four_packages() -> None:
    packages = {p.parent.name for p in tracked(".py") if p.name == "__init__.py" and p.parent.parent == ROOT}
    assert packages - {"tests"} == set(FLOORS)


def test_every_file_says_what_it_is_for() -> None:
    silent = [name for name, tree in trees(*FLOORS, "tests") if not ast.get_docstring(tree)]
    silent += [named(p) for p in tracked(".sql") if not p.read_text("utf-8").lstrip().startswith("--")]
    assert silent == []


STATEMENT = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s|"
    r"(CREATE|ALTER|DROP|GRANT|TRUNCATE|COPY)\s+[A-Z]+\s|LISTEN\s)"
)


def test_sql_lives_in_layers_only() -> None:
    found = []
    for name, tree in trees("riskmap", "jobs", "web"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.expr):
                continue
            is_statement = (
                isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value)
            )
            if is_statement or (isinstance(node, ast.Call) and ast.unparse(node.func) in {"text", "sa.text"}):
                found.append(f"{name}:{node.lineno}")
    assert found == []


# --- dependencies and set-up -----------------------------------------------------------------------------------


def project() -> dict[str, list[str]]:
    content: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return content


def normalised(requirement: str) -> str:
    bare = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def locked(name: str) -> dict[str, int]:
    """By package the number of its hashes in a lock."""
    packages: dict[str, int] = {}
    current = ""
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if "==" in line:
            current = normalised(line)
            packages[current] = 0
        elif "--hash=sha256:" in line:
            packages[current] += 1
    return packages


def test_imports_are_declared() -> None:
    """What a package imports is named in pyproject.toml, not merely brought along by something else."""
    declared = {normalised(r) for r in project()["dependencies"]}
    distributions = packages_distributions()
    missing = set()
    for name, tree in trees(*FLOORS):
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for top in {m.split(".")[0] for m in modules}:
                known = {normalised(d) for d in distributions.get(top, [])} - {"riskmap"}
                if known and not known & declared:
                    missing.add(f"{name}: {top}")
    assert missing == set()


def test_locks_pin_every_dependency_by_hash() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wanted = {normalised(r) for r in project()["dependencies"] + groups["build"]}
    run, test, bench, node = (locked(f"requirements{kind}.lock") for kind in ("", "-test", "-bench", "-node"))
    assert wanted <= set(run)
    assert {normalised(r) for r in groups["test"]} <= set(test)
    assert {normalised(r) for r in groups["bench"]} <= set(bench)
    assert {normalised(r) for r in groups["node"]} <= set(node)
    assert all(hashes for lock in (run, test, bench, node) for hashes in lock.values())


def test_test_lock_holds_the_whole_lock() -> None:
    """The tests run with the very packages that the program runs with."""
    pins = [
        set(re.findall(r"^\S+==\S+", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-test.lock")
    ]
    assert pins[0] <= pins[1]


HOSTS = re.compile(
    r"pypi\.org|pythonhosted|npmjs\.|jsdelivr|cdnjs|unpkg|code\.jquery|bootstrapcdn|googleapis|gstatic|"
    r"tile\.openstreetmap|deb\.debian|archive\.ubuntu|https?://registry"
)
OWN_PATHS = re.compile(r"(?<![\w.$}/-])/(?:work|opt|home|root|Users|mnt)/")


def test_no_foreign_host_and_no_path_of_one_machine() -> None:
    """Pages work with no network; no file depends on where somebody's registry or clone is."""
    found = []
    for path in set(tracked()) - {Path(__file__).resolve()}:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{named(path)}: {hit}" for hit in HOSTS.findall(text) + OWN_PATHS.findall(text)]
    assert found == []


# --- documents ----------------------------------------------------------------------------------------------------


def house_table(readme: str) -> dict[str, dict[str, set[str]]]:
    """The table of floors × words: by word and floor the files named, without `.py`."""
    text = (ROOT / readme).read_text("utf-8")
    head = next(
        line for line in text.splitlines() if line.startswith("|") and all(f"`{f}/`" in line for f in FLOORS)
    )
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    rows: dict[str, dict[str, set[str]]] = {}
    for line in text[text.index(head) :].splitlines()[2:]:
        if not line.startswith("|"):
            break
        cells = dict(zip(columns, line.strip("|").split("|"), strict=True))
        word = cells[columns[0]]
        rows[word.strip()] = {
            floor: set(re.findall(r"`([\w*]+)`", text))
            for floor in FLOORS
            for column, text in cells.items()
            if f"`{floor}/`" in column
        }
    return rows


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("floor", FLOORS)
def test_the_table_of_the_house_is_the_house(readme: str, floor: str) -> None:
    """Every file of a floor stands under a word, and every file named is there. `demo_*` stands for several."""
    in_table = {name for row in house_table(readme).values() for name in row[floor]}
    there = floor_modules()[floor]
    assert {m for m in there if not any(fnmatch(m, name) for name in in_table)} == set(), (
        "give it a word in README"
    )
    assert {name for name in in_table if not any(fnmatch(m, name) for m in there)} == set(), (
        "named but not there"
    )


@pytest.mark.parametrize("readme", READMES)
def test_settings_are_documented(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    settings = {f"RISKMAP_{name.upper()}" for name in Settings.model_fields}
    named_there = set(re.findall(r"RISKMAP_[A-Z_]+", text))
    assert named_there == settings


@pytest.mark.parametrize("readme", READMES)
def test_make_commands_are_documented(readme: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", (ROOT / readme).read_text("utf-8"))) == targets - {"help"}


@pytest.mark.parametrize("readme", READMES)
def test_commands_are_documented(readme: str) -> None:
    from web.commands import app  # noqa: PLC0415 - the other tests of the tree stand without the command line

    commands = set(getattr(typer.main.get_command(app), "commands", {}))
    assert set(re.findall(r"`riskmap ([a-z]+)", (ROOT / readme).read_text("utf-8"))) == commands


@pytest.mark.parametrize("readme", [*READMES, "CHANGELOG.md"])
def test_links_lead_somewhere(readme: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", (ROOT / readme).read_text("utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
