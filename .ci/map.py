"""ARCHITECTURE.md names every module, type tag and store space, and no other."""

import pathlib
import re
import sys

CRATES = ["icn-types", "icn-governance", "icn-ledger", "icn-sync", "icn-events"]
PAPER = pathlib.Path("ARCHITECTURE.md")

TAG = re.compile(r"icn/[a-z]+/[a-z-]+/v\d+")
SPACE = re.compile(r"\b(?:Table|Space)::new\(\s*\"([^\"]+)\"")
MODULE = re.compile(r"^(?:pub(?:\([a-z]+\))? )?mod (\w+);", re.M)


def main():
    paper = PAPER.read_text()
    found = []
    for crate in CRATES:
        root = pathlib.Path(crate, "src", "lib.rs").read_text()
        modules = set(MODULE.findall(re.sub(r"#\[cfg\(test\)\]\n(?:pub )?mod \w+;", "", root)))
        found += compare(f"module of {crate}", modules, listed(paper, crate))
    code = "\n".join(sources())
    found += compare("type tag", set(TAG.findall(code)), set(TAG.findall(paper)))
    found += compare("space", set(SPACE.findall(code)), spaces(paper))
    assert list(compare("planted", {"a"}, {"b"})), "this check cannot fail"
    print("\n".join(found))
    if not found:
        print("ok: ARCHITECTURE.md names what is there")
    return bool(found)


def compare(what, there, named):
    yield from (f"{PAPER} lacks the {what} `{name}`" for name in sorted(there - named))
    yield from (f"{PAPER} names a {what} that is not there: `{name}`" for name in sorted(named - there))


def listed(paper, crate):
    section = paper.split(f"### {crate}\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^- `(\w+)`", section, re.M))


def spaces(paper):
    section = paper.split("### Spaces of the store\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.M))


def sources():
    """Code of the five crates without comments and tests."""
    for crate in CRATES:
        for path in sorted(pathlib.Path(crate, "src").rglob("*.rs")):
            if path.name == "tests.rs" or "tests" in path.parts or "testkit" in path.parts:
                continue
            text = path.read_text().split("\n#[cfg(test)]\nmod tests {")[0]
            yield re.sub(r"^\s*//.*$", "", text, flags=re.M)


if __name__ == "__main__":
    sys.exit(main())
