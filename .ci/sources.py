"""House rules that no lint knows: ASCII, short files, plain names."""

import pathlib
import re
import subprocess
import sys

TEXT = {".rs", ".md", ".toml", ".py", ".c", ".h", ".sh", ".txt", ".out", ".yml", ""}
LINES_MAX = 600

# Methods that a trait of somebody else asks for.
FOREIGN = {"sync_data"}

# They say that something is done to something, not what.
VAGUE = {"manager", "handler", "service", "helper", "helpers", "util", "utils", "data",
         "process", "context", "actor", "get"}

CODE_ONLY = re.compile(
    r'//[^\n]*|/\*.*?\*/|r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\.[^\']*|[^\\\'])\'', re.S)
DECLARED = re.compile(
    r"\b(?:fn|struct|enum|union|trait|type|mod|const|static|let|let\s+mut)\s+(\w+)"
    r"|\b(?:mut\s+)?(\w+)\s*:(?!:)")
ENUM = re.compile(r"\benum\s+\w+[^{;]*\{")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def main():
    prove_it_can_fail()
    paths = sorted(tracked())
    found = [fault for path in paths for fault in faults(path)] + list(thinner_lints(paths))
    print("\n".join(found))
    if not found:
        print(f"ok: {len(paths)} files")
    return bool(found)


def tracked():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    for path in map(pathlib.Path, names.splitlines()):
        if path.suffix in TEXT and path.is_file():
            yield path


def faults(path):
    raw = path.read_bytes()
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.isascii():
            yield f"{path}:{number}: not ASCII"
    if path.suffix == ".rs":
        text = raw.decode("utf-8", "replace")
        if not is_test(path) and (count := len_before_tests(text)) > LINES_MAX:
            yield f"{path}: {count} lines before its tests, more than {LINES_MAX}"
        for name in sorted(vague_names(text)):
            yield f"{path}: {name}: say what it is"


def thinner_lints(paths):
    """A nested clippy.toml replaces the root's; some of it nobody may leave out."""
    kept = {line for line in pathlib.Path("clippy.toml").read_text().splitlines()
            if "collections::" in line or "usize::" in line}
    for path in paths:
        if path.name == "clippy.toml":
            for line in sorted(kept - set(path.read_text().splitlines())):
                yield f"{path} lacks {line.strip()}"


def is_test(path):
    return "tests" in path.parts or path.name == "tests.rs"


def len_before_tests(text):
    return len(text.split("\n#[cfg(test)]")[0].splitlines())


def vague_names(text):
    """Names declared here that hold a vague word; foreign names stay out of it."""
    code = CODE_ONLY.sub(" ", text)
    names = {one or other for one, other in DECLARED.findall(code)}
    for enum in ENUM.finditer(code):
        names |= variants(code, enum.end())
    return {name for name in names - FOREIGN if is_vague(name)}


def variants(code, at):
    """Names at the outermost level of the enum body that starts at `at`."""
    depth, outer = 1, []
    for char in code[at:]:
        depth += (char in "{([") - (char in "})]")
        if depth == 0:
            break
        outer.append(char if depth == 1 and char not in "})]" else " ")
    return set(re.findall(r"\w+", "".join(outer)))


def is_vague(name):
    words = [word.lower() for word in WORD.findall(name)]
    return any(word in VAGUE for word in words if word != "get") or words[:1] == ["get"] != words


def prove_it_can_fail():
    planted = "struct PeerManager; enum E { A { n: u8 }, Data(u8) } fn get_it(context: u8) {}"
    assert vague_names(planted) == {"PeerManager", "Data", "get_it", "context"}
    innocent = 'use std::process; fn get(a: Database) { "data: x"; b.data(); } // util: no'
    assert vague_names(innocent) == set(), vague_names(innocent)
    assert len_before_tests("a\nb\n#[cfg(test)]\nmod tests;\n") == 2


if __name__ == "__main__":
    sys.exit(main())
