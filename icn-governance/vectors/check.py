#!/usr/bin/env python3
"""Checks the vectors beside this file without any code of this repository.

    python3 check.py              every case holds
    python3 check.py --self-test  every case, with another answer, is caught

It needs nothing but Python. Signatures and strict reading are the subject of
the vectors of icn-types; here bytes are taken to be canonical.
"""

import hashlib
import json
import pathlib
import sys
from fractions import Fraction

CHARTER, OPEN, ROLL, OPENING, CLOSE = 0, 1, 5, 7, 8
PROPOSAL, BALLOT, RECEIPT, SHUT = 32, 33, 34, 35


def sha256(data):
    return hashlib.sha256(data).digest()


class Item:
    """One CBOR item with the bytes that it was read from."""

    def __init__(self, value, raw):
        self.value, self.raw = value, raw

    def __getitem__(self, at):
        return self.value[at]

    @property
    def plain(self):
        if isinstance(self.value, list):
            return [item.plain for item in self.value]
        return self.value


def read(data, at=0):
    """The item at `at` and the offset after it."""
    start, first = at, data[at]
    at += 1
    major, info = first >> 5, first & 31
    if major == 7:
        return Item({20: False, 21: True, 22: None}[info], data[start:at]), at
    number = info
    if info >= 24:
        width = 1 << (info - 24)
        number = int.from_bytes(data[at : at + width], "big")
        at += width
    if major == 0:
        value = number
    elif major == 1:
        value = -1 - number
    elif major in (2, 3):
        value = data[at : at + number]
        at += number
        if major == 3:
            value = value.decode()
    else:
        value = []
        for _ in range(number):
            item, at = read(data, at)
            value.append(item)
    return Item(value, data[start:at]), at


def parse(text):
    data = bytes.fromhex(text)
    item, end = read(data)
    assert end == len(data), "bytes left over"
    return item


# Tallies


def reached(share, part, whole):
    comparator, (numerator, denominator) = share
    if whole == 0:
        return False
    have, need = Fraction(part, whole), Fraction(numerator, denominator)
    return have > need if comparator == 0 else have >= need


def outcome(rule, tally):
    tag, quorum, threshold, veto_rule, tie = rule
    assert tag == "icn/governance/rule/v1"
    yes, no, abstain, veto, eligible = tally
    decisive = yes + no + veto
    cast = decisive + abstain
    assert cast <= eligible
    turnout = [cast, decisive, yes][quorum[0]]
    bases = [decisive, cast, eligible]
    if not reached(quorum[1], turnout, eligible):
        return "no quorum"
    if veto_rule is not None:
        base, share, minimum = veto_rule
        if veto >= minimum and reached(share, veto, bases[base]):
            return "vetoed"
    if reached(threshold[1], yes, bases[threshold[0]]):
        return "accepted"
    if tie == 1 and yes > 0 and yes == no + veto:
        return "tied"
    return "rejected"


def figures(item):
    tag, *weights = item.plain
    assert tag == "icn/governance/tally/v1"
    assert all(len(weight) == 16 for weight in weights)
    return [int.from_bytes(weight, "big") for weight in weights]


def check_tally(case):
    rule, tally = parse(case["rule"]).plain, figures(parse(case["tally"]))
    return {"outcome": outcome(rule, tally)}


# Records


class Record:
    def __init__(self, text):
        tag, header, _, content = parse(text).value
        assert tag.value == "icn/types/record/v1"
        self.id = sha256(header.raw)
        fields = header.plain
        _, _, self.chain, self.epoch, self.seq, self.prev, self.kind, self.at, digest, length = fields
        assert digest == sha256(content.raw) and length == len(content.raw)
        self.refs, self.body = content[1].plain, content[3]


class Broken(Exception):
    """The code of the rule that a record breaks."""


class World:
    """Verdicts by the written rules, record by record."""

    def __init__(self):
        self.roll, self.owners, self.openings = set(), {}, {}
        self.records, self.valid, self.ended = {}, {}, set()
        self.ballots = {}  # id -> (opening, member, choice, replaced)
        self.last = {}  # (chain, opening) -> the last ballot
        self.acknowledged = {}  # (chain, opening) -> set of ballots
        self.shut = {}  # (chain, opening) -> the shut
        self.closes = {}

    def judge(self, record):
        self.records[record.id] = record
        if record.kind < 32:
            self.act(record)
            verdict = "valid"
        else:
            verdict = self.verdict(record)
        self.valid[record.id] = verdict == "valid"
        return verdict

    def act(self, record):
        body = record.body
        if record.kind == CHARTER:
            self.roll = {sha256(member.raw) for member in body[5].value}
        elif record.kind == OPEN:
            owner = body[1][2].plain
            self.owners[record.id] = (sha256(body[1].raw), owner)
        elif record.kind == ROLL:
            self.roll |= {sha256(member.raw) for member in body[1].value}
            self.roll -= set(body[2].plain)
        elif record.kind == OPENING:
            tellers, needed, period, _ = body[6].plain
            self.openings[record.id] = {
                "roll": frozenset(self.roll),
                "rule": body[4].plain,
                "tellers": tellers,
                "needed": needed,
                "until": record.at + period,
            }
        elif record.kind == CLOSE:
            self.closes[record.id] = body

    def verdict(self, record):
        chain, owner = self.owners[record.epoch]
        assert chain == record.chain
        if record.epoch in self.ended:
            return "invalid.ended"
        try:
            if not all(self.valid[ref] for ref in record.refs):
                raise Broken("invalid.ref")
            self.rule(record, owner[1] if owner[0] == 1 else None)
        except Broken as broken:
            self.ended.add(record.epoch)
            return str(broken)
        return "valid"

    def rule(self, record, member):
        tags = {
            PROPOSAL: "icn/governance/proposal/v1",
            BALLOT: "icn/governance/ballot/v1",
            RECEIPT: "icn/governance/receipt/v1",
            SHUT: "icn/governance/shut/v1",
        }
        if record.kind not in tags:
            raise Broken("invalid.kind")
        body = record.body.plain
        if not isinstance(body, list) or body[0] != tags[record.kind]:
            raise Broken("invalid.body")
        if record.kind == PROPOSAL:
            if body[1] != member:
                raise Broken("proposal.proposer")
        elif record.kind == BALLOT:
            self.ballot(record, member, body[1], body[2])
        elif record.kind == RECEIPT:
            self.receipt(record, body[1])
        else:
            self.end(record, body[1])

    def opening(self, record, name, code):
        if name not in record.refs or name not in self.openings:
            raise Broken(code)
        return self.openings[name]

    def ballot(self, record, member, name, choice):
        opening = self.opening(record, name, "ballot.opening")
        if member not in opening["roll"]:
            raise Broken("ballot.roll")
        last = self.last.get((record.chain, name))
        if last is not None and last not in record.refs:
            raise Broken("ballot.again")
        own = lambda ref: self.ballots.get(ref, (None, None))[:2] == (name, member)
        replaced = [ref for ref in record.refs if own(ref)]
        self.last[record.chain, name] = record.id
        self.ballots[record.id] = (name, member, choice, replaced)

    def receipt(self, record, positions):
        new = []
        for position in positions:
            named = record.refs[position] if position < len(record.refs) else None
            if named not in self.ballots:
                raise Broken("receipt.ballot")
            name = self.ballots[named][0]
            if record.chain not in self.openings[name]["tellers"]:
                raise Broken("receipt.teller")
            if (record.chain, name) in self.shut:
                raise Broken("receipt.shut")
            if named in self.acknowledged.get((record.chain, name), ()):
                raise Broken("receipt.twice")
            new.append((name, named))
        for name, named in new:
            self.acknowledged.setdefault((record.chain, name), set()).add(named)

    def end(self, record, name):
        opening = self.opening(record, name, "shut.opening")
        if record.chain not in opening["tellers"]:
            raise Broken("shut.teller")
        if (record.chain, name) in self.shut:
            raise Broken("shut.twice")
        if record.at < opening["until"]:
            raise Broken("shut.early")
        self.shut[record.chain, name] = record.id

    def recount(self, close):
        """What the Shuts of a close count. No chain in the file forks."""
        body = self.closes[close]
        name, shuts = body[1].value, body[3].plain
        opening = self.openings[name]
        tellers = [self.records[shut].chain for shut in shuts]
        sheets = [self.acknowledged.get((teller, name), set()) for teller in tellers]
        acknowledged = set().union(*sheets)
        replaced, todo = set(), list(acknowledged)
        while todo:
            for earlier in self.ballots[todo.pop()][3]:
                if earlier not in replaced:
                    replaced.add(earlier)
                    todo.append(earlier)
        counted = {}
        for ballot in sorted(acknowledged - replaced):
            counted.setdefault(self.ballots[ballot][1], ballot)
        weights = [0, 0, 0, 0, len(opening["roll"])]
        for ballot in counted.values():
            weights[self.ballots[ballot][2]] += 1
        is_shut = all(
            self.shut.get((teller, name)) == shut for teller, shut in zip(tellers, shuts)
        )
        assert len(set(tellers)) == opening["needed"] and is_shut
        names = ["accepted", "rejected", "no quorum", "vetoed", "tied"]
        claim = (names[body[2].value], figures(body[4]))
        found = (outcome(opening["rule"], weights), weights)
        yes, no, abstain, veto, eligible = weights
        return {
            "acknowledged": sorted(ballot.hex() for ballot in acknowledged),
            "counted": sorted(ballot.hex() for ballot in counted.values()),
            "figures": f"{yes} yes, {no} no, {abstain} abstain, {veto} veto of {eligible}",
            "recount": "recount.confirmed" if claim == found else "recount.false.result",
        }


def load(name):
    path = pathlib.Path(__file__).parent / name
    file = json.loads(path.read_text())
    assert file["format"] == 1
    return file["cases"]


def answers():
    """Each case with what is found about it."""
    for case in load("tally.json"):
        yield case, check_tally(case)
    world = World()
    for case in load("records.json"):
        record = Record(case["record"])
        verdict = world.judge(record)
        yield case, {"id": record.id.hex(), "verdict": verdict}
    for case in load("votes.json"):
        yield case, world.recount(bytes.fromhex(case["close"]))


def differs(case, found):
    return [name for name in found if case[name] != found[name]]


def main():
    self_test = "--self-test" in sys.argv[1:]
    cases = wrong = 0
    for case, found in answers():
        cases += 1
        if self_test:
            for name in found:
                damaged = dict(case, **{name: ["another answer"]})
                if not differs(damaged, found):
                    wrong += 1
                    print("not caught:", case["name"], name)
        for name in differs(case, found):
            wrong += 1
            print(f"{case['name']}: {name} is {case[name]}, found {found[name]}")
    print(f"{cases} cases, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
