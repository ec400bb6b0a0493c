"""hledger, ledger, beancount and a plain CSV reader accept what we export, and
add it up to the positions of the book and to the columns of the replicated
ledger, to the atom.

Run by the Python that has beancount; files go into the folder given. Every
check is then shown to fail on a file in which one balance is off by one atom.
"""

import collections
import csv
import decimal
import itertools
import pathlib
import re
import subprocess
import sys

from beancount import loader
from beancount.core import data

ENTRIES = 10_000
EXAMPLE = ["cargo", "run", "--quiet", "--release", "--example", "plain_text", "--"]


def main():
    folder = pathlib.Path(sys.argv[1])
    run(*EXAMPLE, "write", folder, str(ENTRIES))
    found = []
    checks = [("hledger", hledger), ("ledger", ledger), ("beancount", beancount),
              ("csv", plain_csv), ("csv", ours)]
    for source, (name, check) in itertools.product(["book", "replica"], checks):
        expected = positions((folder / f"{source}.positions").read_text())
        path = folder / f"{source}.{name}"
        error, balances = check(path)
        what = f"{check.__name__}: {path.name}"
        if error:
            found.append(f"{what}: {error}")
        elif balances != expected:
            found += [f"{what}: {difference}" for difference in differences(expected, balances)]
        elif not refuses(check, path):
            found.append(f"{what}: a balance that is off by one atom goes unnoticed")
        else:
            print(f"ok: {what}: {ENTRIES} entries, {len(expected)} balances equal")
    print("\n".join(found))
    return bool(found)


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def complaint(*command):
    """What a tool says against a file. A strict tool says nothing."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stderr.strip()
    return said[:2000] if said or not done.returncode else f"exit status {done.returncode}"


def positions(text):
    rows = (line.split("\t") for line in text.splitlines())
    return {(account, symbol): decimal.Decimal(number) for account, symbol, number in rows}


def nonzero(balances):
    return {key: number for key, number in balances.items() if number}


def differences(expected, found):
    keys = [key for key in sorted(expected.keys() | found.keys())
            if expected.get(key) != found.get(key)]
    return [f"{key}: {found.get(key)}, not {expected.get(key)}" for key in keys[:10]]


def hledger(path):
    if error := complaint("hledger", "-f", path, "check", "--strict"):
        return error, None
    out = run("hledger", "-f", path, "bal", "--flat", "-N", "--layout=bare", "-O", "csv")
    rows = csv.DictReader(out.splitlines())
    return "", {(row["account"], row["commodity"]): decimal.Decimal(row["balance"])
                for row in rows}


def ledger(path):
    strict = ["ledger", "-f", path, "--strict", "--pedantic", "bal"]
    if error := complaint(*strict):
        return error, None
    # Without --empty, an account above others is left out when the sum is zero.
    shape = "%(account)\n%(scrub(amount))\n\n"
    out = run(*strict, "--flat", "--empty", "--no-total", "--format", shape)
    balances = {}
    for block in out.strip().split("\n\n"):
        account, *amounts = block.splitlines()
        for amount in amounts:
            number, _, symbol = amount.strip().partition(" ")
            balances[account, symbol.strip('"')] = decimal.Decimal(number)
    return "", nonzero(balances)


def beancount(path):
    command = pathlib.Path(sys.executable).with_name("bean-check")
    if error := complaint(command, path):
        return error, None
    entries, errors, _ = loader.load_file(str(path))
    if errors:
        return str(errors[0]), None
    names = {entry.account: entry.meta["name"] for entry in entries
             if isinstance(entry, data.Open)}
    symbols = {entry.currency: entry.meta["name"] for entry in entries
               if isinstance(entry, data.Commodity)}
    balances = collections.Counter()
    for posting in (posting for entry in entries if isinstance(entry, data.Transaction)
                    for posting in entry.postings):
        balances[names[posting.account], symbols[posting.units.currency]] += posting.units.number
    return "", nonzero(balances)


def plain_csv(path):
    """Python's own reader; the last assertion of each balance has to hold."""
    balances, asserted = collections.Counter(), {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["account"], row["commodity"]
            balances[key] += decimal.Decimal(row["amount"])
            if row["balance-assertion"]:
                asserted[key] = decimal.Decimal(row["balance-assertion"].split()[1])
    wrong = differences(dict(balances), asserted)
    return "; ".join(wrong), nonzero(balances)


def ours(path):
    error = complaint(*EXAMPLE, "read", path)
    if not error.endswith(" entries booked"):
        return error, None
    return "", positions(run(*EXAMPLE, "read", path))


def refuses(check, path):
    """Whether the last balance that is asserted may be wrong by an atom."""
    text = path.read_text()
    last = list(re.finditer(r"(= |balance \S+  )(-?[\d.]*\d)", text))[-1]
    number = last.group(2)
    atom = decimal.Decimal(1).scaleb(decimal.Decimal(number).as_tuple().exponent)
    wrong = str(decimal.Decimal(number) + atom)
    planted = path.with_name(f"wrong{path.suffix}")
    planted.write_text(text[:last.start(2)] + wrong + text[last.end(2):])
    error, _ = check(planted)
    return bool(error)


if __name__ == "__main__":
    sys.exit(main())
