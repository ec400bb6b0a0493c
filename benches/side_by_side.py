"""Ours beside hledger, ledger, SQLite and PostgreSQL, in one run.

    python3 benches/side_by_side.py [TRANSACTIONS]

Each line says what was on: checks of signatures, and whether a result survives
a power cut. What is not installed is named and left out. Times of programs are
CPU seconds of the whole process and its wall time, medians of rounds in which
the programs take turns.
"""

import os
import pathlib
import random
import re
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 3
SECONDS = 5
ACCOUNTS = 1000
EXAMPLE = ["cargo", "run", "--quiet", "--release", "--example", "plain_text", "--"]
DURABLE = ["cargo", "bench", "--quiet", "-p", "icn-benches", "--bench", "bars", "--", "durable"]


def main():
    os.chdir(pathlib.Path(__file__).parent.parent)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory() as folder:
        journals(pathlib.Path(folder), count)
        print()
        print("| transfers | on | per second | |")
        print("|---|---|---|---|")
        sqlite(pathlib.Path(folder))
        postgres(pathlib.Path(folder))
    ours_durable()


def journals(folder, count):
    """Reading a journal and adding it up; ours books it under limits as well."""
    subprocess.run([*EXAMPLE, "write", folder, str(count)], check=True, stdout=subprocess.DEVNULL)
    # The only lines on which the dialects differ.
    text = (folder / "book.hledger").read_text()
    file = folder / "book.journal"
    file.write_text(re.sub(r"^commodity .*\n    format .*\n", "", text, flags=re.M))
    peers = {"ours": [*find_example(), "read", file],
             "hledger": ["hledger", "-f", file, "balance"],
             "ledger": ["ledger", "-f", file, "balance"]}
    for name in [name for name, command in peers.items() if not shutil.which(command[0])]:
        print(f"SKIP: {name} is not installed")
        del peers[name]
    taken = {name: [] for name in peers}
    for _ in range(ROUNDS):
        for name, command in peers.items():
            taken[name].append(timed(command))
    print(f"\n| {count} transactions | on | CPU | wall | of ours |")
    print("|---|---|---|---|---|")
    ours = None
    for name, rounds in taken.items():
        cpu, wall = (statistics.median(column) for column in zip(*rounds))
        ours = ours or cpu
        print(f"| {name} | no signatures, nothing kept | {cpu:.2f} s | {wall:.2f} s "
              f"| {cpu / ours:.1f} |")


def find_example():
    """The program itself, so that cargo is not measured."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", "target"))
    return [str(target / "release" / "examples" / "plain_text")]


def timed(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env=os.environ | {"LC_ALL": "C.UTF-8"})
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def row(name, on, rate, note):
    print(f"| {name} | {on} | {rate:,.0f} | {note} |")


def sqlite(folder):
    """A transfer is one row and two balances."""
    for batch in (1, 1000):
        base = sqlite3.connect(folder / f"bank{batch}.sqlite", isolation_level=None)
        base.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE account (id INTEGER PRIMARY KEY, atoms INTEGER NOT NULL);"
            "CREATE TABLE transfer (id INTEGER PRIMARY KEY, payer, payee, atoms);")
        base.executemany("INSERT INTO account VALUES (?, 0)", ((id,) for id in range(ACCOUNTS)))
        chance, done, start = random.Random(1), 0, time.monotonic()
        while time.monotonic() < start + SECONDS:
            base.execute("BEGIN IMMEDIATE")
            for _ in range(batch):
                payer, payee = chance.sample(range(ACCOUNTS), 2)
                base.execute("INSERT INTO transfer (payer, payee, atoms) VALUES (?, ?, 1)",
                             (payer, payee))
                base.execute("UPDATE account SET atoms = atoms - 1 WHERE id = ?", (payer,))
                base.execute("UPDATE account SET atoms = atoms + 1 WHERE id = ?", (payee,))
            base.execute("COMMIT")
            done += batch
        rate = done / (time.monotonic() - start)
        assert base.execute("SELECT sum(atoms) FROM account").fetchone() == (0,)
        row(f"SQLite {sqlite3.sqlite_version}, {batch} a commit", "no signatures, full sync (WAL)",
            rate, "called from Python")


POSTGRES = """
CREATE TABLE account (id integer PRIMARY KEY, atoms bigint NOT NULL);
CREATE TABLE transfer (id bigserial PRIMARY KEY, payer integer, payee integer, atoms bigint);
INSERT INTO account SELECT id, 0 FROM generate_series(0, {last}) id;
CREATE FUNCTION pay(count integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE payer integer; payee integer;
BEGIN
  FOR number IN 1..count LOOP
    payer := floor(random() * {accounts})::integer;
    payee := (payer + 1 + floor(random() * {last})::integer) % {accounts};
    INSERT INTO transfer (payer, payee, atoms) VALUES (payer, payee, 1);
    UPDATE account SET atoms = atoms - 1 WHERE id = payer;
    UPDATE account SET atoms = atoms + 1 WHERE id = payee;
  END LOOP;
END $$;
"""


def postgres(folder):
    """A server of its own, on a socket in the folder."""
    places = [os.environ["PATH"], *map(str, pathlib.Path("/usr/lib/postgresql").glob("*/bin"))]
    path = os.pathsep.join(places)
    tools = {name: shutil.which(name, path=path) for name in ("initdb", "pg_ctl", "psql", "pgbench")}
    if missing := [name for name, tool in tools.items() if not tool]:
        print(f"SKIP: PostgreSQL: {', '.join(missing)} not installed")
        return
    home = folder / "postgres"
    home.mkdir()
    as_user = []
    if os.geteuid() == 0:
        # It does not run as root.
        as_user = ["runuser", "-u", "postgres", "--"]
        folder.chmod(0o755)
        shutil.chown(home, "postgres")

    def call(name, *args, **options):
        return subprocess.run([*as_user, tools[name], *args], check=True, text=True, cwd=home,
                              stdout=subprocess.PIPE, **options).stdout

    call("initdb", "-D", home / "base", "-A", "trust", "-U", "bench")
    server = ["-D", home / "base", "-l", home / "log", "-w"]
    call("pg_ctl", *server, "-o", f"-k {home} -h ''", "start")
    try:
        at = ["-h", home, "-U", "bench"]
        create = POSTGRES.format(accounts=ACCOUNTS, last=ACCOUNTS - 1)
        call("psql", *at, "-v", "ON_ERROR_STOP=1", "-q", "postgres", input=create)
        version = call("psql", *at, "-At", "-c", "SHOW server_version", "postgres").split()[0]
        for batch in (1, 1000):
            script = folder / f"pay{batch}.sql"
            script.write_text(f"SELECT pay({batch});\n")
            out = call("pgbench", *at, "-n", "-f", script, "-T", str(SECONDS), "postgres")
            rate = float(re.search(r"tps = ([\d.]+)", out).group(1)) * batch
            row(f"PostgreSQL {version}, {batch} a commit", "no signatures, full sync", rate,
                "one client, loop inside the server")
    finally:
        call("pg_ctl", *server, "-m", "immediate", "stop")


def ours_durable():
    """From the bench: signed entries checked, applied and committed to redb."""
    print("\nours, signatures checked one by one, full sync (redb), ns per entry:\n", flush=True)
    subprocess.run(DURABLE, check=True)


if __name__ == "__main__":
    main()
