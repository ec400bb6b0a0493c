"""No package of the lock file asks for a newer Rust than we declare.

This compares numbers; it builds nothing. With clippy's `incompatible_msrv`,
which looks at our own code, it is all that stands behind the declared version.
"""

import json
import subprocess
import sys


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


def newer(packages, declared):
    return [f"{p['name']} {p['version']} needs {p['rust_version']}" for p in packages
            if p["rust_version"] and version(p["rust_version"]) > version(declared)]


def main():
    command = ["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"]
    meta = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    members = [p for p in meta["packages"] if p["id"] in meta["workspace_members"]]
    declared = {p["rust_version"] for p in members}
    if len(declared) != 1 or None in declared:
        print(f"members declare different versions: {declared}")
        return 1
    (declared,) = declared
    assert newer(meta["packages"], "1.0"), "this check cannot fail"
    found = newer(meta["packages"], declared)
    print("\n".join(found))
    silent = sum(p["rust_version"] is None for p in meta["packages"])
    if not found:
        print(f"ok: {len(meta['packages'])} packages, none above {declared} "
              f"({silent} declare nothing); not compiled with {declared}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
