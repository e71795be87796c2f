"""The files around the package: pinned versions, links, the layers that the README shows."""

import re
import tomllib
from pathlib import Path

import foretune

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [PIN.fullmatch(line) for line in lines if not line.startswith("#")]
    # Nothing but pins: no local build tags, paths, hosts or editable installs.
    assert all(matches)
    return {normal(match[1]): match[2] for match in matches if match}


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(lines: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0]) for line in lines}


def test_torch_is_pinned_to_the_release_and_not_to_one_build_of_it() -> None:
    assert pins()["torch"] == "2.13.0"


def test_everything_that_set_up_asks_for_is_pinned() -> None:
    extras = project()["optional-dependencies"]
    wanted = requirements(project()["dependencies"]) | requirements(extras["dev"]) | requirements(extras["demo"])
    assert wanted - pins().keys() == {"foretune"}


def test_requirements_are_ranges() -> None:
    assert [line for line in project()["dependencies"] if "==" in line or ">=" not in line] == []


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_tree_in_the_readme_shows_every_folder_and_only_what_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^  ([a-z_]+(?:/|\.py))\s", text, flags=re.MULTILINE))
    package = Path(foretune.__file__).parent
    there = {f"{path.name}/" for path in package.iterdir() if path.is_dir() and any(path.rglob("*.py"))} | {"data/"}
    there |= {path.name for path in package.glob("[a-z]*.py")}
    assert shown == there - {"__pycache__/"}
