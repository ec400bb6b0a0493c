#!/usr/bin/env python3
"""Judges authority.json without any code of this repository.

    pip install cbor2 cryptography
    python3 judge.py              every case holds
    python3 judge.py --self-test  every case, with another answer, is caught

Every verdict is computed from the record and what it names: the office before
a record is counted anew along its own path. Bodies are the subject of
bodies.json; here only their tags are looked at.
"""

import copy
import hashlib
import json
import pathlib
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TAGS = ["charter", "open", "seal", "adopt", "recall", "roll", "raise", "opening", "close",
        "ready", "release"]
(CHARTER, OPEN, SEAL, ADOPT, RECALL, ROLL, RAISE, OPENING, CLOSE,
 READY, RELEASE) = range(11)
ACCEPTED = 0
RECALL_VOTES_MAX = 1024
SMALL_ROLL = 4


def sha256(data):
    return hashlib.sha256(data).digest()


def encode(value):
    return cbor2.dumps(value, canonical=True)


def decode(data):
    value = cbor2.loads(data)
    assert encode(value) == data, "not canonical"
    return value


def name(tag, *fields):
    return sha256(encode([f"icn/types/{tag}/v1", *fields]))


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


class Broken(Exception):
    """The code of the rule that a record breaks."""


def require(holds, code):
    if not holds:
        raise Broken(code)


class Record:
    def __init__(self, text):
        tag, self.header, self.signature, content = decode(bytes.fromhex(text))
        assert tag == "icn/types/record/v1"
        self.message = encode(self.header)
        self.id = sha256(self.message)
        _, self.topic, self.chain, self.epoch, self.seq, self.prev, self.kind, self.at, digest, length = self.header
        raw = encode(content)
        assert digest == sha256(raw) and length == len(raw)
        _, self.refs, _, self.body = content


class Seat:
    """The current epoch of a chain."""

    def __init__(self, id, body, row):
        _, self.chain, self.key, self.recovery, _, self.start, _, _, grant, self.consent = body
        self.id, self.row = id, row
        self.floor = grant and grant[0]


class Office:
    """What the authority chain has decided up to a record."""

    def __init__(self, domain, charter):
        self.domain = domain
        _, self.community, _, _, self.recovery, roll, _, _ = charter
        self.roll = {sha256(encode(member)): member for member in roll}
        self.seats, self.votes, self.received = {}, {}, set()

    def roll_digest(self):
        return sha256(b"icn/types/roll-digest/v1" + b"".join(sorted(self.roll)))

    def vote(self, act, value):
        """The vote whose opening, close or ready this is."""
        found = [vote for vote in self.votes.values() if vote[act] == value]
        return found[0] if found else None


class Authority:
    def __init__(self):
        self.records, self.verdicts, self.offices, self.readied = {}, {}, {}, {}
        self.domain = None

    def admit(self, record):
        """The signature fits, and the record follows what it must."""
        if record.chain is None:
            self.domain, key = record.id, record.body[3]
            record.topic = name("topic", 0, self.domain, None)
            record.chain = self.chain = name("chain", record.topic, [0])
        elif record.epoch is None:
            assert record.kind == RECALL and self.verdicts[record.prev] == "valid"
            assert self.is_backed(record), "votes"
            key = record.body[1]
        else:
            start = self.records[record.epoch]
            key = {CHARTER: 3, OPEN: 2, RECALL: 1}[start.kind]
            key = start.body[key]
        prev = self.records.get(record.prev)
        assert (prev is None) == (record.prev is None)
        assert record.seq == (prev.seq + 1 if prev else 0)
        assert signed(key, record.message, record.signature), "signature"

    def is_backed(self, record):
        """More than two thirds of the roll, or of the recovery keys of a small one."""
        office = self.offices[record.prev]
        _, successor, votes = record.body
        by_key = len(office.roll) < SMALL_ROLL
        voters = office.recovery if by_key else office.roll
        terms = encode(["icn/types/recall-vote/v1", self.domain, record.prev, successor])
        for (kind, voter), signature in votes:
            if kind != by_key or (voter >= len(voters) if by_key else voter not in voters):
                return False
            key = voters[voter] if by_key else self.voting_key(office, voter)
            if not signed(key, terms, signature):
                return False
        return len(votes) * 3 > len(voters) * 2

    def voting_key(self, office, member):
        chain = name("chain", name("topic", 1, self.domain, None), [1, member, 0])
        seat = office.seats.get(chain)
        return seat.key if seat else office.roll[member][2]

    def judge(self, record):
        self.admit(record)
        self.records[record.id] = record
        if record.chain != self.chain:
            return None
        verdict = "valid"
        try:
            if record.kind == CHARTER:
                self.offices[record.id] = Office(self.domain, record.body)
            else:
                self.follow(record)
        except Broken as broken:
            verdict = str(broken)
        self.verdicts[record.id] = verdict
        return verdict

    def follow(self, record):
        require(self.verdicts[record.prev] == "valid", "invalid.ended")
        refs = [self.verdicts.get(ref) for ref in record.refs]
        require(all(verdict == "valid" for verdict in refs), "invalid.ref")
        require(record.kind < len(TAGS), "invalid.kind")
        tag = f"icn/types/{TAGS[record.kind]}/v1"
        require(isinstance(record.body, list) and record.body[0] == tag, "invalid.body")
        office = copy.deepcopy(self.offices[record.prev])
        rules = [None, self.open, self.seal, self.adopt, self.adopt, self.roll, self.raise_,
                 self.opening, self.close, self.ready, self.release]
        rules[record.kind](office, record)
        self.offices[record.id] = office

    # Each rule checks the record against the office and takes it in.

    def terms(self, body):
        _, chain, key, recovery, form, start, _, _, grant, _ = body
        id = sha256(encode(chain))
        fields = self.domain, id, start, key, recovery, form, grant
        return id, encode(["icn/types/consent/v1", *fields])

    def open(self, office, record):
        id, terms = self.terms(record.body)
        _, chain, key, recovery, _, start, _, _, _, (by, *consent) = record.body
        seat = office.seats.get(id)
        prior, tip = start or (None, None)
        require(prior == (seat and seat.id), "open.order")
        if seat:
            require(seat.row == (prior, tip, True), "open.head")
            # A receiver appoints nobody.
            keys = [None if seat.consent[0] == 2 else seat.key, seat.recovery]
        elif chain[2][0] == 1:
            require(chain[2][1] in office.roll, "open.owner")
            keys = office.roll[chain[2][1]][2:4]
        else:
            require(chain[2][0] != 0, "open.owner")
            keys = [key, None]
        if by == 2:
            self.receive(office, record, seat, chain, consent)
        else:
            require(keys[by] and signed(keys[by], terms, consent[0]), "open.consent")
        self.seat(office, record)

    def receive(self, office, record, seat, chain, consent):
        ready, number = consent
        vote = office.vote("ready", ready) if ready in record.refs else None
        is_account = chain[2][0] in (1, 2, 5) and chain[1] != name("topic", 1, self.domain, None)
        require(vote and seat and is_account, "open.decision")
        appointed = [1, sha256(encode(chain)), record.body[2], record.body[3]]
        actions = vote["body"][3]
        require(number < len(actions) and actions[number] == appointed, "open.decision")
        require((vote["body"][1], number) not in office.received, "open.twice")

    def seat(self, office, record):
        id, _ = self.terms(record.body)
        before = office.seats.get(id)
        office.seats[id] = Seat(record.id, record.body, before and before.row)
        by, *consent = record.body[9]
        if by == 2:
            office.received.add((self.readied[consent[0]], consent[1]))

    def lineage(self, open):
        while open is not None:
            yield open
            start = self.records[open].body[5]
            open = start[0] if start else None

    def seal(self, office, record):
        rows = {}
        height = lambda tip: -1 if tip is None else tip[0]
        for chain, open, sealed, final in record.body[1]:
            seat = office.seats.get(chain)
            require(seat and seat.id == open, "seal.order")
            tip = [sealed[0][4], sha256(encode(sealed[0]))] if sealed else None
            if seat.row:
                require(seat.row[::2] != (open, True), "seal.order")
                require(height(tip) >= height(seat.row[1]), "seal.order")
            if sealed:
                header, signature = sealed
                require(header[3] in self.lineage(open), "seal.header")
                body = self.records[header[3]].body
                require(header[2] == chain and header[1] == body[1][1], "seal.header")
                require(signed(body[2], encode(header), signature), "seal.header")
            rows[chain] = (open, tip, final)
        for chain, row in rows.items():
            office.seats[chain].row = row

    def adopt(self, office, record):
        opens = [self.records[ref] for ref in record.refs]
        require(all(open.kind == OPEN for open in opens), "adopt.open")
        require(opens or record.kind == RECALL, "adopt.open")
        before = copy.deepcopy(office.seats)
        for open in sorted(opens, key=lambda open: (open.seq, open.id)):
            id, terms = self.terms(open.body)
            seat, start = office.seats.get(id), open.body[5]
            prior, tip = start or (None, None)
            if record.kind == ADOPT and prior != (seat and seat.id):
                row = before[id].row if id in before else None
                is_twin = seat and self.terms(self.records[seat.id].body)[1] == terms
                is_unsealed = row is None or row[1] == tip
                require(is_twin and is_unsealed and seat.id != open.id, "adopt.open")
            self.seat(office, open)
            if prior:
                office.seats[id].row = (prior, tip, True)

    def roll(self, office, record):
        _, join, leave = record.body
        ids = [sha256(encode(member)) for member in join]
        fits = ids == sorted(set(ids)) and leave == sorted(set(leave)) and (ids or leave)
        fits = fits and all(member[1] == office.community for member in join)
        fits = fits and not any(id in office.roll for id in ids)
        fits = fits and all(id in office.roll for id in leave)
        left = len(office.roll) + len(ids) - len(leave)
        require(fits and left > 0, "roll.member")
        can_recall = office.recovery if left < SMALL_ROLL else RECALL_VOTES_MAX * 3 > left * 2
        require(can_recall, "roll.recall")
        office.roll |= dict(zip(ids, join))
        for id in leave:
            del office.roll[id]

    def raise_(self, office, record):
        _, open, floor = record.body
        seats = [seat for seat in office.seats.values() if seat.id == open]
        fits = seats and seats[0].floor is not None and floor < seats[0].floor
        require(fits, "raise.epoch")
        seats[0].floor = floor

    def opening(self, office, record):
        require(record.body[5] == office.roll_digest(), "opening.roll")
        proposals = [vote["body"][1] for vote in office.votes.values()]
        require(record.body[1] not in proposals, "opening.twice")
        office.votes[record.id] = {
            "body": record.body, "close": None, "ready": None, "released": {},
        }

    def close(self, office, record):
        _, opening, outcome, shuts, _ = record.body
        vote = office.votes.get(opening)
        require(vote and opening in record.refs, "close.opening")
        require(vote["close"] is None, "close.twice")
        require(len(shuts) == vote["body"][6][1], "close.count")
        vote |= {"close": record.id, "closed_at": record.at, "outcome": outcome}

    def ready(self, office, record):
        close = record.body[1]
        vote = office.vote("close", close)
        require(vote and vote["outcome"] == ACCEPTED and close in record.refs, "ready.close")
        require(vote["ready"] is None, "ready.twice")
        require(record.at >= vote["closed_at"] + vote["body"][6][3], "ready.early")
        vote |= {"ready": record.id, "ready_at": record.at}
        self.readied[record.id] = vote["body"][1]

    def release(self, office, record):
        _, ready, number, tranche = record.body
        vote = office.vote("ready", ready) if ready in record.refs else None
        actions = vote["body"][3] if vote else []
        require(number < len(actions) and actions[number][0] == 2, "release.ready")
        _, _, _, _, tranches, interval = actions[number][1]
        due = vote["released"].get(number, 0) + 1
        require(tranche == due and due < tranches, "release.order")
        require(record.at >= vote["ready_at"] + interval * tranche, "release.early")
        vote["released"][number] = tranche


def differs(case, found):
    return [field for field in found if case[field] != found[field]]


def main():
    self_test = "--self-test" in sys.argv[1:]
    path = pathlib.Path(__file__).parent / "authority.json"
    file = json.loads(path.read_text())
    assert file["format"] == 1
    authority, wrong = Authority(), 0
    for case in file["cases"]:
        record = Record(case["record"])
        found = {"id": record.id.hex(), "verdict": authority.judge(record)}
        if self_test:
            for field in found:
                if not differs(dict(case, **{field: "another answer"}), found):
                    wrong += 1
                    print("not caught:", case["name"], field)
        for field in differs(case, found):
            wrong += 1
            print(f"{case['name']}: {field} is {case[field]}, found {found[field]}")
    print(f"{len(file['cases'])} cases, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
