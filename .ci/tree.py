"""What the five crates bring along, by `cargo tree` on their default features,
and whom of us everybody knows.

Asked for x86_64 Linux and wasm32. Elsewhere the answer may differ: on aarch64
and Apple targets `cpufeatures` names libc.
"""

import json
import pathlib
import subprocess
import sys

TARGETS = ["x86_64-unknown-linux-gnu", "wasm32-unknown-unknown"]

# Our own crates that each of the five may use.
ALLOWED = {
    "icn-types": set(),
    "icn-governance": {"icn-types"},
    "icn-ledger": {"icn-types"},
    "icn-sync": {"icn-types"},
    "icn-events": {"icn-types", "icn-governance", "icn-ledger", "icn-sync"},
}

# Foreign packages that none of them may bring along, by what they would break.
DENIED = {
    "an executor or reactor; the host polls":
        "tokio mio smol async-std async-executor async-io async-global-executor rayon",
    "randomness of the operating system; a seed is an argument":
        "getrandom rand rand_core rand_chacha fastrand",
    "the operating system itself; the host brings I/O":
        "libc rustix nix socket2 windows-sys web-sys js-sys wasm-bindgen parking_lot",
    "a clock; the time is an argument": "chrono time jiff web-time",
    "an order that differs per run": "hashbrown ahash indexmap dashmap",
    "a C compiler": "cc cmake bindgen pkg-config ring aws-lc-rs aws-lc-sys openssl-sys",
    "a second byte format": "serde_json serde_cbor ciborium bincode postcard",
}
REASON = {name: reason for reason, names in DENIED.items() for name in names.split()}

COUNT_MAX = 45


def tree(crate, target):
    """Names of all packages that building `crate` needs, without itself."""
    command = ["cargo", "tree", "--locked", "--package", crate, "--target", target,
               "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return {line.split()[0] for line in lines.splitlines() if line.strip()} - {crate}


def adapters():
    """Packages below a crate's `adapters`, each with the names that it asks for."""
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    meta = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for package in meta["packages"]:
        *_, crate, folder, _, _ = pathlib.Path(package["manifest_path"]).parts
        if folder == "adapters":
            names = {d["name"] for d in package["dependencies"] if d["kind"] != "dev"}
            yield package["name"], crate, names


def faults(crate, names, allowed, reasons):
    for name in sorted(names):
        if name.startswith("icn-") and name not in allowed:
            yield f"{crate} must not depend on {name}"
        if name in reasons:
            yield f"{crate} brings {name}: {reasons[name]}"


def prove_it_can_fail(names):
    """A planted name and a planted sibling are found."""
    assert list(faults("icn-events", names, ALLOWED["icn-events"], {"sha2": "planted"}))
    assert list(faults("icn-events", names, {"icn-types"}, {}))


def main():
    found = []
    for crate, allowed in ALLOWED.items():
        for target in TARGETS:
            names = tree(crate, target)
            found += faults(crate, names, allowed, REASON)
            if len(names) > COUNT_MAX:
                found.append(f"{crate} brings {len(names)} packages, more than {COUNT_MAX}")
            if target == TARGETS[0]:
                print(f"ok: {crate} brings {len(names)} packages")
    for adapter, crate, names in adapters():
        found += faults(adapter, names, {crate}, {})
    prove_it_can_fail(tree("icn-events", TARGETS[0]))
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
