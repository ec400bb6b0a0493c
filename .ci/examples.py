"""Runs every example and looks for what it must print.

`.ci/examples/<name>.out` holds one fragment per line; all of them must occur in
the output, in this order. `<name>.again.out`, where it exists, is looked for in
a second run. A first line `# args: --flag` gives arguments. An example without
such a file is a failure, and so is a file without an example.
"""

import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(".ci/examples")
SECONDS_MAX = 300
# README's first command; it is there as soon as any example is.
DEMO = "coop"


def main():
    names = examples()
    expected = {path.name.removesuffix(".out").removesuffix(".again")
                for path in FOLDER.glob("*.out")}
    assert missing(["a", "b"], "b\na\n") == "b", "this check cannot fail"
    if not names | expected:
        print("SKIP: no examples yet")
        return 0
    found = [f"{name}: no {FOLDER}/{name}.out" for name in sorted(names - expected)]
    found += [f"{FOLDER}/{name}.out: no such example" for name in sorted(expected - names)]
    if DEMO not in names:
        found.append(f"README promises the example {DEMO}")
    if names:
        subprocess.run(["cargo", "build", "--release", "--workspace", "--examples"], check=True)
    for name in sorted(names & expected):
        for path in (FOLDER / f"{name}.out", FOLDER / f"{name}.again.out"):
            if path.exists():
                found += check(name, path)
    print("\n".join(found))
    return bool(found)


def examples():
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    meta = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {target["name"] for package in meta["packages"] for target in package["targets"]
            if "example" in target["kind"]}


def check(name, path):
    args, fragments = read(path)
    command = ["cargo", "run", "--quiet", "--release", "--example", name]
    if args:
        command += ["--", *args]
    print("$", *command, flush=True)
    try:
        run = subprocess.run(command, text=True, timeout=SECONDS_MAX,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return [f"{name}: still running after {SECONDS_MAX} s"]
    print(run.stdout)
    if run.returncode:
        return [f"{name}: exit status {run.returncode}"]
    absent = missing(fragments, run.stdout)
    if absent is not None:
        return [f"{name}: does not print (or not in this order): {absent}"]
    print(f"ok: {path.name}: {len(fragments)} fragments found")
    return []


def read(path):
    lines = path.read_text().splitlines()
    args = []
    if lines and lines[0].startswith("# args:"):
        args = lines.pop(0).removeprefix("# args:").split()
    fragments = [line.strip() for line in lines if line.strip()]
    if not fragments:
        sys.exit(f"{path}: expects nothing, so it cannot fail")
    return args, fragments


def missing(fragments, output):
    """The first fragment that does not follow the ones before it."""
    at = 0
    for fragment in fragments:
        at = output.find(fragment, at)
        if at < 0:
            return fragment
        at += len(fragment)
    return None


if __name__ == "__main__":
    sys.exit(main())
