#!/usr/bin/env python3
"""Checks the vectors beside this file without any code of this repository.

    pip install cbor2 cryptography
    python3 check.py              every case holds
    python3 check.py --self-test  every case, with another answer, is caught

It is a second implementation of the rules of ledger chains. Nothing is kept
from record to record: each verdict is computed from the record and what it
names, each label from the whole set. Of the authority chain it judges Opens
and Seals; other acts are taken as valid. No vector has two authority branches.
Clearings, which are no records, are read and added up in the same way.
"""

import functools
import hashlib
import json
import pathlib
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CHARTER, OPEN, SEAL, RAISE, OPENING, CLOSE, READY, RELEASE = 0, 1, 2, 6, 7, 8, 9, 10
PAYMENT, ACK, REFUSE, NOTE, HOLD, RESOLVE, REFUND = range(64, 71)
ASSERTION, PERIOD_CLOSE, DISPUTE, OUTCOME, SETTLEMENT = range(71, 76)
BUNDLE = 76
FORMAT = 1
AMOUNT_MAX = 2**63 - 1
BARE = object()


def sha256(data):
    return hashlib.sha256(data).digest()


def encode(value):
    return cbor2.dumps(value, canonical=True)


def decode(data):
    """Reads bytes of which only one spelling exists."""
    value = cbor2.loads(data)
    assert encode(value) == data, "not canonical"
    return value


def tagged(tag, *fields):
    return encode([tag, *fields])


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


class Record:
    def __init__(self, text):
        tag, header, self.signature, content = decode(bytes.fromhex(text))
        assert tag == "icn/types/record/v1"
        self.header, self.message = header, encode(header)
        self.id = sha256(self.message)
        _, self.topic, self.chain, self.epoch, self.seq, self.prev, self.kind, _, digest, length = header
        self.refs, self.body = [], BARE
        if content is not None:
            raw = encode(content)
            assert digest == sha256(raw) and length == len(raw)
            tag, self.refs, _, self.body = content
            assert tag == "icn/types/content/v1"
            assert self.refs == sorted(set(self.refs))


class Broken(Exception):
    """The code of the rule that a record breaks."""


def require(holds, code):
    if not holds:
        raise Broken(code)


# Bodies. A shape is a function that says whether a value has it.


def number(least, most):
    return lambda value: type(value) is int and least <= value <= most


def name(value):
    return type(value) is bytes and len(value) == 32


def maybe(shape):
    return lambda value: value is None or shape(value)


def row(*shapes):
    def check(value):
        fits = type(value) is list and len(value) == len(shapes)
        return fits and all(shape(item) for shape, item in zip(shapes, value))

    return check


def several(shape, most, least=1):
    return lambda value: (
        type(value) is list and least <= len(value) <= most and all(map(shape, value))
    )


def choice(*shapes):
    return lambda value: any(shape(value) for shape in shapes)


def tag(text):
    return lambda value: value == text


U8, U16, U32, U64 = (number(0, 2**bits - 1) for bits in (8, 16, 32, 64))
ATTACHMENT = row(name, U32)
AMOUNT = number(1, AMOUNT_MAX)
LEG = row(name, AMOUNT)
LEG_REF = row(U16, U8)
TAKEN = several(LEG_REF, 256)
BODIES = {
    PAYMENT: row(
        tag("icn/ledger/payment/v1"),
        several(LEG, 64),
        name,
        maybe(row(U16, U16)),
        maybe(U64),
        maybe(ATTACHMENT),
    ),
    ACK: row(tag("icn/ledger/ack/v1"), TAKEN),
    REFUSE: row(tag("icn/ledger/refuse/v1"), TAKEN),
    NOTE: row(tag("icn/ledger/note/v1"), maybe(ATTACHMENT)),
    HOLD: row(
        tag("icn/ledger/hold/v1"),
        LEG,
        name,
        name,
        maybe(row(U16, U16)),
        maybe(U64),
        maybe(U64),
        maybe(ATTACHMENT),
    ),
    RESOLVE: row(
        tag("icn/ledger/resolve/v1"),
        several(row(U16, U64), 128),
        maybe(ATTACHMENT),
    ),
    REFUND: row(
        tag("icn/ledger/refund/v1"),
        LEG_REF,
        AMOUNT,
        name,
        maybe(row(U16, U16)),
        maybe(U64),
        maybe(ATTACHMENT),
    ),
    ASSERTION: row(tag("icn/ledger/assertion/v1"), U16, number(-(2**63), 2**63 - 1)),
    PERIOD_CLOSE: row(tag("icn/ledger/period-close/v1"), U64),
    DISPUTE: row(
        tag("icn/ledger/dispute/v1"),
        row(U16, U8),
        several(ATTACHMENT, 16, least=0),
        name,
        maybe(ATTACHMENT),
    ),
    OUTCOME: row(
        tag("icn/ledger/outcome/v1"),
        U16,
        choice(row(number(0, 3)), row(number(4, 4), name)),
        maybe(ATTACHMENT),
    ),
    SETTLEMENT: row(
        tag("icn/ledger/settlement/v1"),
        LEG,
        LEG_REF,
        U16,
        name,
        row(U16, U16),
        maybe(U64),
        maybe(ATTACHMENT),
    ),
    BUNDLE: row(
        tag("icn/ledger/bundle/v1"),
        choice(
            row(number(0, 0), several(row(name, name, AMOUNT), 64, least=2)),
            row(
                number(1, 1),
                row(
                    row(AMOUNT, AMOUNT),
                    row(number(0, 1), AMOUNT),
                    name,
                    name,
                    row(name, name),
                    name,
                ),
            ),
        ),
        name,
        maybe(ATTACHMENT),
    ),
}


class Set:
    """All records of one case, and what follows from them."""

    def __init__(self, unit, texts):
        tag, self.domain, _, scale, self.min_leg = decode(unit)
        assert tag == "icn/ledger/unit/v1" and scale > 0
        self.unit = sha256(unit)
        self.topic = sha256(tagged("icn/types/topic/v1", 2, self.domain, self.unit))
        self.authority_topic = sha256(tagged("icn/types/topic/v1", 0, self.domain, None))
        self.votes = sha256(tagged("icn/types/topic/v1", 1, self.domain, None))
        self.authority = sha256(tagged("icn/types/chain/v1", self.authority_topic, [0]))
        self.records = {}
        for record in map(Record, texts):
            self.admit(record)
            self.records[record.id] = record
        self.fold_authority()

    # Well-formed: the signature, and what the record follows.

    def admit(self, record):
        if record.chain is None:
            assert record.id == self.domain
            record.topic, record.chain = self.authority_topic, self.authority
            key = record.body[3]
        else:
            prev = self.records.get(record.prev)
            assert (prev is None) == (record.prev is None)
            if prev is not None:
                assert prev.chain == record.chain and prev.seq + 1 == record.seq
            start = self.records[record.epoch]
            if start.kind == CHARTER:
                key, begins = start.body[3], record.prev == record.epoch
            else:
                _, chain, key, _, _, after, *_ = start.body
                tip = after[1] if after else None
                assert sha256(encode(chain)) == record.chain and chain[1] == record.topic
                begins = (record.seq, record.prev) == ((tip[0] + 1, tip[1]) if tip else (0, None))
            assert begins or (prev is not None and prev.epoch == record.epoch)
        assert signed(key, record.message, record.signature), "signature"

    def of_chain(self, chain):
        return [record for record in self.records.values() if record.chain == chain]

    def path(self, id):
        """The record and everything before it on its chain, oldest first."""
        path = []
        while id is not None:
            path.append(self.records[id])
            id = path[-1].prev
        return path[::-1]

    def on_path(self, id, head):
        return any(record.id == id for record in self.path(head))

    # Authority

    def fold_authority(self):
        self.acts, self.seats, self.rows, self.sealed_by = {}, {}, {}, {}
        self.owner_keys, self.received = {}, set()
        ended = False
        for record in self.of_chain(self.authority):
            try:
                require(not ended, "invalid.ended")
                if record.kind == CHARTER:
                    for member in record.body[5]:
                        self.owner_keys[sha256(encode(member))] = (member[2], member[3])
                elif record.kind == OPEN:
                    self.open(record)
                elif record.kind == SEAL:
                    self.seal(record)
                self.acts[record.id] = "valid"
            except Broken as broken:
                self.acts[record.id] = str(broken)
                ended = True

    def open(self, record):
        _, chain, key, recovery, form, after, charged, _, grant, (by, *consent) = record.body
        id = sha256(encode(chain))
        seat = self.seats.get(id)
        prior, tip = after or (None, None)
        require(prior == (seat and seat.id), "open.order")
        if seat:
            last = self.rows[id][-1] if self.rows.get(id) else None
            require(last == (prior, tip, True), "open.head")
            received = seat.body[9][0] == 2
            keys = None if received else seat.body[2], seat.body[3]
        elif chain[2][0] == 1:
            require(chain[2][1] in self.owner_keys, "open.owner")
            keys = self.owner_keys[chain[2][1]]
        else:
            keys = key, None
        terms = tagged(
            "icn/types/consent/v1", self.domain, id, after, key, recovery, form, grant
        )
        if by == 2:
            ready, number = consent
            opening = self.decision(ready) if ready in record.refs else None
            actions = opening.body[3] if opening else []
            anybody = chain[2][0] in (1, 2, 5) and chain[1] != self.votes
            appointed = number < len(actions) and actions[number] == [1, id, key, recovery]
            require(seat and anybody and appointed, "open.decision")
            require((opening.body[1], number) not in self.received, "open.twice")
            self.received.add((opening.body[1], number))
        else:
            require(keys[by] and signed(keys[by], terms, consent[0]), "open.consent")
        self.seats[id] = record

    def decision(self, ready):
        """The opening that a Ready goes back to."""
        ready = self.records.get(ready)
        if ready is None or self.acts.get(ready.id) != "valid" or ready.kind != READY:
            return None
        return self.records[self.records[ready.body[1]].body[1]]

    def seal(self, record):
        for chain, open, sealed, final in record.body[1]:
            rows = self.rows.setdefault(chain, [])
            tip = None
            if sealed:
                header, signature = sealed
                tip = [header[4], sha256(encode(header))]
                key = self.records[header[3]].body[2]
                require(header[2] == chain, "seal.header")
                require(signed(key, encode(header), signature), "seal.header")
            seat = self.seats.get(chain)
            require(seat and seat.id == open, "seal.order")
            height = lambda tip: -1 if tip is None else tip[0]
            if rows:
                require(rows[-1][::2] != (open, True), "seal.order")
                require(height(tip) >= height(rows[-1][1]), "seal.order")
            rows.append((open, tip, final))
            self.sealed_by.setdefault(record.id, []).append((chain, len(rows) - 1))

    def effective(self, chain, at):
        """A row counts if its path is here and runs through all earlier heads."""
        tip = self.rows[chain][at][1]
        earlier = [row[1] for row in self.rows[chain][:at]]
        if tip is None:
            return all(before is None for before in earlier)
        if tip[1] not in self.records:
            return False
        return all(before is None or self.on_path(before[1], tip[1]) for before in earlier)

    def heads(self, record):
        """Heads of the effective rows of every Seal that a record names together with them."""
        for ref in record.refs:
            for chain, at in self.sealed_by.get(ref, ()):
                tip = self.rows[chain][at][1]
                if tip and tip[1] in record.refs and self.effective(chain, at):
                    yield tip[1]

    # Verdicts

    @functools.cache
    def verdict(self, id):
        record = self.records.get(id)
        if record is None or record.body is BARE:
            return "waiting"
        if id in self.acts:
            return self.acts[id]
        if record.topic != self.topic:
            return "invalid.ref"  # out of reach
        named = [*record.refs, record.epoch] + ([record.prev] if record.prev else [])
        if any(self.verdict(other) == "waiting" for other in named):
            return "waiting"
        try:
            open = self.records[record.epoch].body
            require(self.verdict(record.epoch) == "valid", "invalid.open")
            if open[4] > FORMAT:
                return "waiting"
            before = self.path(record.prev) if record.prev else []
            own = [earlier for earlier in before if earlier.epoch == record.epoch]
            require(all(self.valid(earlier) for earlier in own), "invalid.ended")
            require(all(self.verdict(ref) == "valid" for ref in record.refs), "invalid.ref")
            require(record.kind in BODIES, "invalid.kind")
            require(BODIES[record.kind](record.body), "invalid.body")
            if record.kind in (ACK, REFUSE):
                self.take(record)
            elif record.kind == RESOLVE:
                self.resolve(record)
            elif record.kind == REFUND:
                self.refund(record)
            elif record.kind == SETTLEMENT:
                self.settle(record)
            if record.kind in (PAYMENT, HOLD, REFUND, SETTLEMENT):
                self.send(record)
            if record.kind in (ASSERTION, PERIOD_CLOSE, DISPUTE, OUTCOME):
                self.remark(record)
            if record.kind == BUNDLE:
                self.bundle(record)
        except Broken as broken:
            return str(broken)
        return "valid"

    def valid(self, record):
        return self.verdict(record.id) == "valid"

    def order(self, record):
        """Legs, key and decision of a record that sends or sets aside; none of any other."""
        body = record.body
        if record.kind == PAYMENT:
            return body[1], body[2], body[3]
        if record.kind == HOLD:
            return [body[1]], body[3], body[4]
        if record.kind == REFUND:
            original = self.records[record.refs[body[1][0]]]
            payer = self.sent(original)[body[1][1]][0]
            return [[payer, body[2]]], body[3], body[4]
        if record.kind == SETTLEMENT:
            return [body[1]], body[4], body[5]
        return None

    def refund(self, record):
        _, (reference, leg), amount, *_ = record.body
        state = self.state(record.prev)
        require(reference < len(record.refs), "refund.ref")
        source = self.records[record.refs[reference]]
        kept = state.kept.get((source.id, leg))
        is_part = source.kind == RESOLVE and leg % 2 == 0
        whole = source.kind in (PAYMENT, SETTLEMENT)
        require(kept is not None and (whole or is_part), "refund.source")
        require(state.refunded.get((source.id, leg), 0) + amount <= kept, "refund.sum")

    def claim(self, settlement):
        """The leg that a settlement pays, by record and number."""
        reference, leg = settlement.body[2]
        return settlement.refs[reference], leg

    def settle(self, record):
        _, (payee, amount), (reference, leg), charge, *_ = record.body
        require(max(reference, charge) < len(record.refs), "settle.ref")
        source = self.records[record.refs[reference]]
        sent = self.sent(source).get(leg) if source.topic == self.topic else None
        require(sent is not None and sent[1:] == (payee, amount), "settle.leg")
        open = self.records[record.refs[charge]]
        require(open.kind == OPEN and open.id in self.acts, "settle.open")
        needs = [source]
        if source.kind == RESOLVE and leg % 2 == 0:
            needs.append(self.hold(source, leg))
        debtor = sha256(encode(open.body[1]))
        needs = [one for one in needs if one.chain == debtor]
        require(needs, "settle.open")
        head = open.body[5] and open.body[5][1] and open.body[5][1][1]
        require(head is None or head in record.refs, "settle.head")
        require(any(self.is_left_out(open, head, one) for one in needs), "settle.stands")
        require(debtor != record.chain, "settle.own")
        state = self.state(record.prev)
        require((source.id, leg) not in state.paid, "settle.twice")
        before = sum(atoms for _, other, atoms in state.paid.values() if other == debtor)
        require(before + amount <= open.body[6], "settle.charge")

    def is_left_out(self, open, head, record):
        """Not on the path that the Open starts at, and not written under it or later."""
        epoch = record.epoch
        while epoch is not None:
            if epoch == open.id:
                return False
            after = self.records[epoch].body[5]
            epoch = after and after[0]
        return head is None or not self.on_path(record.id, head)

    def resolve(self, record):
        state, ended = self.state(record.prev), set()
        for reference, part in record.body[1]:
            require(reference < len(record.refs), "resolve.ref")
            hold = self.records[record.refs[reference]]
            require(hold.topic == self.topic and hold.kind == HOLD, "resolve.hold")
            require(hold.body[2] == record.chain, "resolve.resolver")
            require(part <= hold.body[1][1], "resolve.part")
            require(hold.id not in state.resolved | ended, "resolve.twice")
            ended.add(hold.id)

    def send(self, record):
        legs, key, decision = self.order(record)
        state = self.state(record.prev)
        require(all(payee != record.chain for payee, _ in legs), "pay.self")
        require(all(amount >= self.min_leg for _, amount in legs), "pay.min")
        require(key not in state.keys, "pay.key")
        open = self.records[record.epoch].body
        by, *consent = open[9]
        named = decision and record.refs[decision[0]] if self.names(record, decision) else None
        if by == 2:
            require(named == consent[0], "pay.receiver")
        else:
            shared = open[1][2][0] == 2
            require(shared == (decision is not None), "pay.decision")
        if decision is not None:
            self.decided(record, state, named)
        available = self.available(state, record.epoch, record)
        require(available is not None, "limit.grant")
        require(sum(amount for _, amount in legs) <= available, "limit.floor")

    def names(self, record, decision):
        return decision is not None and decision[0] < len(record.refs)

    def drawn(self, record):
        """Proposal, number and action that a record says it carries out."""
        _, _, decision = self.order(record)
        if not self.names(record, decision):
            return None
        opening = self.decision(record.refs[decision[0]])
        if opening is None or decision[1] >= len(opening.body[3]):
            return None
        return opening.body[1], decision[1], opening.body[3][decision[1]]

    def decided(self, record, state, ready):
        legs, key, _ = self.order(record)
        found = self.drawn(record)
        require(found is not None, "pay.decision")
        proposal, number, action = found
        if action[0] != 2:
            named = sha256(tagged("icn/types/action-key/v1", self.domain, proposal, number))
            require(len(legs) == 1 and key == named, "pay.decision")
            require(action == [0, record.chain, legs[0][0], self.unit, legs[0][1]], "pay.decision")
            return
        payer, payee, unit, tranche, tranches, _ = action[1]
        before = state.drawn.get((proposal, number), [])
        tag = "icn/types/envelope-key/v1"
        named = sha256(tagged(tag, self.domain, proposal, number, len(before)))
        require((payer, unit, key) == (record.chain, self.unit, named), "pay.decision")
        require(all(payee in (None, other) for other, _ in legs), "pay.decision")
        acts = [self.records[ref] for ref in record.refs if ref in self.acts]
        bodies = [act.body for act in acts if act.kind == RELEASE]
        released = 1 + max((b[3] for b in bodies if b[1:3] == [ready, number]), default=0)
        total = sum(before) + sum(amount for _, amount in legs)
        require(total <= tranche * min(released, tranches), "pay.envelope")

    def take(self, record):
        """An ack or a refusal: its legs in order, then the whole."""
        state, grant = self.state(record.prev), self.records[record.epoch].body[8]
        if record.kind == ACK:
            require(grant is not None, "limit.grant")
        taken, answered, credit = set(state.taken), dict(state.answered), 0
        given, settled = dict(state.given), set(state.settled)
        for reference, leg in record.body[1]:
            require(reference < len(record.refs), "ack.ref")
            source = self.records[record.refs[reference]]
            signed_by_payer = source.kind in (PAYMENT, REFUND, SETTLEMENT)
            sends = signed_by_payer or source.kind in (REFUSE, RESOLVE)
            require(source.topic == self.topic and sends, "ack.kind")
            require(record.kind == ACK or signed_by_payer, "refuse.kind")
            sent = self.sent(source).get(leg)
            require(sent is not None and sent[1] == record.chain, "ack.payee")
            origin, amount = self.origin(source, leg), sent[2]
            if source.kind == SETTLEMENT and record.kind == ACK:
                claim, amount = self.claim(source), 0
                require(claim not in settled, "ack.settled")
                require(claim in state.kept, "ack.claim")
                settled.add(claim)
            if origin is None:
                if source.kind == REFUSE:
                    before, code = source.refs[source.body[1][leg][0]], "ack.return"
                else:
                    before, code = self.hold(source, leg).id, "ack.hold"
                require(record.prev is not None and self.on_path(before, record.prev), code)
            else:
                key = origin.chain, self.order(origin)[1]
                require(answered.setdefault(key, origin.id) == origin.id, "ack.key")
            once = self.once(source, leg)
            require(once not in taken, "ack.twice")
            taken.add(once)
            credit += amount
            giver = self.giver(origin) if record.kind == ACK else None
            if giver:
                (_, _, _, tranche, tranches, _), giver = giver
                given[giver] = given.get(giver, 0) + sent[2]
                require(given[giver] <= tranche * tranches, "ack.envelope")
        if record.kind == ACK and credit > 0:
            require(state.position() + credit <= grant[1], "limit.ceiling")

    def hold(self, resolve, leg):
        """The hold that a leg of a Resolve is a part of."""
        return self.records[resolve.refs[resolve.body[1][leg // 2][0]]]

    def origin(self, source, leg):
        """What the payer of a leg signed; none for what comes back to its payer."""
        if source.kind == RESOLVE:
            return self.hold(source, leg) if leg % 2 == 0 else None
        return source if source.kind in (PAYMENT, REFUND, SETTLEMENT) else None

    def once(self, source, leg):
        """What a chain takes at most once: a leg, or one side's part of a hold."""
        if source.kind == RESOLVE:
            return self.hold(source, leg).id, ("payee", "payer")[leg % 2]
        return source.id, leg

    def giver(self, origin):
        """The envelope that a record draws on, and its name for the payee."""
        found = self.drawn(origin) if origin else None
        if found is None or found[2][0] != 2:
            return None
        return found[2][1], (origin.chain, *found[:2])

    def remark(self, record):
        before = self.state(record.prev).records
        named = lambda at: self.records[record.refs[at]] if at < len(record.refs) else None
        if record.kind == ASSERTION:
            about = named(record.body[1])
            require(about is not None and about.topic == self.topic, "assert.ref")
        elif record.kind == PERIOD_CLOSE:
            closed = [one.body[1] for one in before if one.kind == PERIOD_CLOSE]
            require(all(record.body[1] > until for until in closed), "close.order")
        elif record.kind == DISPUTE:
            (at, leg), mediator = record.body[1], record.body[3]
            require(named(at) is not None, "dispute.ref")
            legs = self.sent(named(at)) if named(at).topic == self.topic else {}
            require(leg in legs and record.chain in legs[leg][:2], "dispute.leg")
            require(mediator not in legs[leg][:2], "dispute.mediator")
        else:
            about = named(record.body[1])
            is_dispute = about is not None and about.topic == self.topic and about.kind == DISPUTE
            require(is_dispute, "outcome.dispute")
            require(about.body[3] == record.chain, "outcome.mediator")
            ended = [one.refs[one.body[1]] for one in before if one.kind == OUTCOME]
            require(about.id not in ended, "outcome.twice")

    def bundle(self, record):
        dues = self.dues(*record.body[1])
        pairs = set()
        for payer, payee, _ in dues:
            require(payer != payee, "bundle.self")
            require((payer, payee) not in pairs, "bundle.twice")
            pairs.add((payer, payee))
        require(record.body[2] not in self.state(record.prev).keys, "pay.key")

    def dues(self, form, terms):
        """Payer, payee and amount of everything that is to be paid."""
        if form == 0:
            return terms
        (a, b), (known, amount), payer, payee, (takes, gives), residue = terms
        if known == 0:
            received = amount * b // a
            left = (amount * b - received * a) // b
            paid = amount - left
        else:
            received = amount
            paid = -(-amount * a // b)
            left = (paid * b - received * a) // a
        require(1 <= paid <= AMOUNT_MAX and 1 <= received <= AMOUNT_MAX, "bundle.rate")
        dues = [(payer, takes, paid), (gives, payee, received)]
        dues.insert(1, (payer, residue, left)) if known == 0 else dues.append((gives, residue, left))
        return [due for due in dues if due[2] > 0]

    def sent(self, record):
        """Legs that a valid record sends, by number: payer, payee, amount."""
        if record.kind == PAYMENT:
            legs = [(record.chain, payee, amount) for payee, amount in record.body[1]]
        elif record.kind == REFUSE:
            back = [self.sent(source)[leg] for source, leg in self.taken(record)]
            legs = [(payee, payer, amount) for payer, payee, amount in back]
        elif record.kind == RESOLVE:
            legs = []
            for leg, (_, part) in enumerate(record.body[1]):
                hold = self.hold(record, 2 * leg)
                payee, amount = hold.body[1]
                legs += [(hold.chain, payee, part), (hold.chain, hold.chain, amount - part)]
        elif record.kind == REFUND:
            (payee, amount), = self.order(record)[0]
            legs = [(record.chain, payee, amount)]
        elif record.kind == SETTLEMENT:
            legs = [(record.chain, *record.body[1])]
        else:
            legs = []
        return {number: leg for number, leg in enumerate(legs) if leg[2]}

    def taken(self, record):
        """Legs that a valid record takes: their record and number."""
        if record.kind not in (ACK, REFUSE):
            return []
        return [(self.records[record.refs[at]], leg) for at, leg in record.body[1]]

    @functools.cache
    def state(self, head):
        return State(self, self.path(head) if head else [])

    def available(self, state, epoch, record=None):
        """What may be spent under an epoch by a next record, or what that names."""
        _, _, _, _, _, _, charged, _, grant, _ = self.records[epoch].body
        if grant is None:
            return None
        floor, _, allowed = grant
        extra = [record] if record else []
        for ref in [ref for one in state.records + extra if one.epoch == epoch for ref in one.refs]:
            named = self.records[ref]
            if ref in self.acts and named.kind == RAISE and named.body[1] == epoch:
                floor = min(floor, named.body[2])
        heads = state.heads + [head for one in extra for head in self.heads(one)]
        is_sealed = lambda source: any(self.on_path(source, head) for head in heads)
        credit = state.credit.values()
        sealed = sum(amount for sources, amount in credit if all(map(is_sealed, sources)))
        unsealed = sum(amount for _, amount in credit) - sealed
        return sealed + min(unsealed, allowed) - state.sent - charged - floor

    # Labels

    def spine(self, chain):
        """The sealed path, then child by child; and the open fork."""
        rows = self.rows.get(chain, [])
        counting = [at for at in range(len(rows)) if self.effective(chain, at)]
        last = counting[-1] if counting else None
        tip = rows[last][1] if last is not None else None
        spine = self.path(tip[1]) if tip else []
        ended = set()
        while last is not None and last >= 0 and rows[last][1] == tip:
            if rows[last][2]:
                ended.add(rows[last][0])
            last -= 1
        sealed, of_chain = len(spine), self.of_chain(chain)
        while True:
            head = spine[-1].id if spine else None
            children = [record for record in of_chain if record.prev == head
                        and not (len(spine) == sealed and record.epoch in ended)]
            if len(children) != 1:
                return spine, sorted(children, key=lambda record: record.id)[:2]
            spine += children

    def labels(self):
        """What every canonical record of the ledger counts as."""
        chains = {record.chain for record in self.records.values()}
        spines = {chain: self.spine(chain) for chain in chains}
        posted = {record.id for spine, _ in spines.values() for record in spine}
        todo = [record for spine, fork in spines.values() for record in spine + fork]
        canonical = {}
        while todo:
            record = todo.pop()
            if record.id in canonical:
                continue
            canonical[record.id] = record
            for id in [record.prev, record.epoch, *record.refs]:
                named = self.records.get(id)
                if named and named.topic in (record.topic, self.authority_topic):
                    todo.append(named)
        labels = {}
        for id, record in canonical.items():
            if record.topic != self.topic:
                continue
            fork = spines[record.chain][1]
            verdict = self.verdict(id)
            if verdict != "valid":
                labels[id] = verdict
            elif id in posted:
                labels[id] = "posted"
            else:
                labels[id] = "contested" if fork and record.seq >= fork[0].seq else "void"
        return labels, spines

    def picture(self):
        labels, spines = self.labels()
        good = [self.records[id] for id, label in labels.items()
                if label in ("posted", "contested", "void")]
        takers = {}
        for record in good:
            for source, leg in self.taken(record):
                takers.setdefault((source.id, leg), []).append(record)
        columns, transit, held = {}, {}, {}

        def change(chain, column, atoms):
            account = columns.setdefault(chain, dict.fromkeys(COLUMNS, 0))
            account[column] += atoms

        def count(record, leg, payer, payee, amount, is_posted):
            by = takers.get((record.id, leg), [])
            if is_posted:
                change(payer, "posted", -amount)
                if not by:
                    transit[record.id, leg] = payer, payee, amount
                    change(payer, "outgoing", amount)
                    change(payee, "incoming", amount)
            elif by:
                change(payer, "contested", -amount)
                if any(taker.kind == ACK for taker in by):
                    change(payer, "charged", amount)
            if by:
                taken = any(labels[taker.id] == "posted" for taker in by)
                change(payee, "posted" if taken else "contested", amount)

        ended = set()
        for record in good:
            is_posted = labels[record.id] == "posted"
            for leg, (payer, payee, amount) in self.sent(record).items():
                if record.kind != RESOLVE:
                    count(record, leg, payer, payee, amount, is_posted)
                    continue
                hold = self.hold(record, leg)
                is_held = labels[hold.id] == "posted"
                if is_posted and is_held:
                    ended.add(hold.id)
                if is_held and not is_posted:
                    payer = record.chain
                if is_held or leg % 2 == 0:
                    count(record, leg, payer, payee, amount, is_posted and is_held)
        for record in good:
            by = takers.get((record.id, 0), []) if record.kind == SETTLEMENT else []
            taken = [taker for taker in by if labels[taker.id] == "posted"]
            if any(taker.kind == ACK for taker in taken or by):
                payee, amount = record.body[1]
                change(payee, "posted" if taken else "contested", -amount)
                change(record.chain, "contested", amount)
        for record in good:
            if record.kind == HOLD and labels[record.id] == "posted" and record.id not in ended:
                _, (payee, amount), resolver, *_ = record.body
                held[record.id] = record.chain, payee, resolver, amount
                change(record.chain, "posted", -amount)
                change(record.chain, "held", amount)
        columns = {chain: column for chain, column in columns.items() if any(column.values())}
        return {
            "accounts": self.accounts(columns, spines),
            "in_transit": [
                {"record": id.hex(), "leg": leg, "payer": payer.hex(), "payee": payee.hex(),
                 "amount": str(amount)}
                for (id, leg), (payer, payee, amount) in sorted(transit.items())
            ],
            "held": [
                {"hold": id.hex(), "payer": payer.hex(), "payee": payee.hex(),
                 "resolver": resolver.hex(), "amount": str(amount)}
                for id, (payer, payee, resolver, amount) in sorted(held.items())
            ],
            "label_digest": digest(labels, columns, transit, held),
        }, labels

    def accounts(self, columns, spines):
        accounts = []
        for chain, seat in sorted(self.seats.items()):
            if seat.body[1][1] != self.topic:
                continue
            column = columns.get(chain, dict.fromkeys(COLUMNS, 0))
            spine = spines[chain][0] if chain in spines else []
            head = spine[-1].id if spine else None
            available = self.available(self.state(head), seat.id)
            charged, due = seat.body[6], column["charged"]
            charge = "understated" if charged < due else "overstated" if charged > due else "confirmed"
            accounts.append({
                "chain": chain.hex(),
                **{name: str(column[name]) for name in COLUMNS},
                "charge": charge,
                "available": None if available is None else str(available),
            })
        return accounts


COLUMNS = ["posted", "contested", "charged", "outgoing", "incoming", "held"]


def digest(labels, columns, transit, held):
    wide = lambda value: (value % 2**128).to_bytes(16, "big")
    data = b"icn/ledger/label-digest/v1"
    data += encode([[id, label] for id, label in sorted(labels.items())])
    data += encode([[chain, *(wide(column[name]) for name in COLUMNS[:3])]
                    for chain, column in sorted(columns.items())])
    data += encode([[*leg, *moved] for leg, moved in sorted(transit.items())])
    data += encode([[id, *one] for id, one in sorted(held.items())])
    return sha256(data).hex()


class State:
    """What a chain adds up to after a path; Invalid records play no part."""

    def __init__(self, whole, path):
        self.records = [record for record in path if whole.valid(record)]
        self.keys, self.taken, self.answered = set(), set(), {}
        self.sent, self.credit, self.heads = 0, {}, []
        self.paid, self.settled = {}, set()
        self.drawn, self.given = {}, {}
        self.kept, self.refunded, self.resolved = {}, {}, set()
        for record in self.records:
            self.heads += whole.heads(record)
            order = whole.order(record)
            if order:
                legs, key, _ = order
                self.keys.add(key)
                atoms = sum(amount for _, amount in legs)
                self.sent += atoms
                found = whole.drawn(record)
                if found and found[2][0] == 2:
                    self.drawn.setdefault(found[:2], []).append(atoms)
            if record.kind == BUNDLE:
                self.keys.add(record.body[2])
            if record.kind == REFUND:
                reference, leg = record.body[1]
                original = record.refs[reference], leg
                self.refunded[original] = self.refunded.get(original, 0) + atoms
            if record.kind == SETTLEMENT:
                debtor = sha256(encode(whole.records[record.refs[record.body[3]]].body[1]))
                self.paid[whole.claim(record)] = record.id, debtor, atoms
            if record.kind == RESOLVE:
                self.resolved.update(record.refs[reference] for reference, _ in record.body[1])
            for source, leg in whole.taken(record):
                self.take(whole, record, source, leg)

    def take(self, whole, record, source, leg):
        origin, amount = whole.origin(source, leg), whole.sent(source)[leg][2]
        self.taken.add(whole.once(source, leg))
        if origin:
            self.answered[origin.chain, whole.order(origin)[1]] = origin.id
        if record.kind != ACK:
            return
        giver = whole.giver(origin)
        if giver:
            self.given[giver[1]] = self.given.get(giver[1], 0) + amount
        if source.kind == SETTLEMENT:
            self.replace(whole.claim(source), (source.id, leg))
        if source.kind == REFUSE:
            self.regain(whole, *whole.taken(source)[leg])
        self.kept[source.id, leg] = amount
        self.credit[source.id, leg] = {source.id, origin.id} if origin else {source.id}, amount

    def replace(self, claim, by):
        """The credit of a settlement takes the place of the claim's."""
        self.settled.add(claim)
        del self.kept[claim], self.credit[claim]
        self.refunded[by] = self.refunded.get(claim, 0)

    def regain(self, whole, original, _):
        """A settlement that comes back leaves its claim to be paid."""
        if original.kind == SETTLEMENT:
            claim = whole.claim(original)
            if self.paid.get(claim, (None,))[0] == original.id:
                del self.paid[claim]

    def position(self):
        return sum(amount for _, amount in self.credit.values()) - self.sent


# Clearings. What is read is looked at first, then the rules.

CLEARING_TAG = "icn/ledger/clearing/v1"
REDUCTIONS_MAX, DUES_MAX = 2048, 128


def amount(value):
    require(value != 0, "amount.zero")
    require(value <= AMOUNT_MAX, "amount.large")
    return value


def read_clearing(data):
    """Terms, input and reductions of bytes that say what a clearing does."""
    value = cbor2.loads(data)
    require(len(encode(value)) == len(data), "canon.trailing")
    assert encode(value) == data, "not canonical"
    tag_read, terms, solver, given, reductions = value
    require(tag_read == CLEARING_TAG, "canon.tag")
    assert row(name, name, U64)(terms) and U16(solver) and name(given)
    require(len(reductions) <= REDUCTIONS_MAX, "canon.limit")
    require(len(reductions) >= 2, "canon.count")
    for (obligation, debtor, creditor, owed), by in reductions:
        assert name(obligation) and name(debtor) and name(creditor)
        amount(owed), amount(by)
    return terms, given, reductions


def dues_of(terms, reductions):
    """Checks the rules of a clearing and adds up who pays whom."""
    before, sums, nets = None, {}, {}
    for (obligation, debtor, creditor, owed), by in reductions:
        require(obligation != before, "clearing.twice")
        require(before is None or before < obligation, "clearing.order")
        require(debtor != creditor, "clearing.own")
        require(terms[1] not in (debtor, creditor), "clearing.resolver")
        require(by <= owed, "clearing.above")
        sums[debtor, creditor] = sums.get((debtor, creditor), 0) + by
        before = obligation
    require(len(sums) <= DUES_MAX, "clearing.dues")
    require(all(atoms <= AMOUNT_MAX for atoms in sums.values()), "clearing.sum")
    for (payer, payee), atoms in sums.items():
        nets[payer] = nets.get(payer, 0) - atoms
        nets[payee] = nets.get(payee, 0) + atoms
    require(not any(nets.values()), "clearing.balance")
    return dict(sorted(sums.items()))


def is_largest(given, owed, reductions):
    """Whether the solver was given this and no cycle would take more away."""
    digest = sha256(b"icn/ledger/obligations/v1" + encode(owed))
    reduced = {obligation[0]: by for obligation, by in reductions}
    known = all(obligation in owed for obligation, _ in reductions)
    gains, steps = {}, []
    for obligation, debtor, creditor, atoms in owed:
        gains[debtor] = gains[creditor] = 0
        if reduced.get(obligation, 0) < atoms:
            steps.append((debtor, creditor, 1))
        if obligation in reduced:
            steps.append((creditor, debtor, -1))
    for _ in range(len(gains) + 1):
        before = dict(gains)
        for at, to, gain in steps:
            gains[to] = max(gains[to], gains[at] + gain)
        if gains == before:
            return known and digest == given
    return False


def clearing(case):
    found = {"code": "valid", "id": None, "largest": None, "dues": []}
    data = bytes.fromhex(case["clearing"])
    try:
        terms, given, reductions = read_clearing(data)
        dues = dues_of(terms, reductions)
    except Broken as broken:
        return dict(found, code=str(broken))
    name_of = sha256(data)
    owed = case["owed"] and decode(bytes.fromhex(case["owed"]))
    for (payer, payee), atoms in dues.items():
        key = sha256(tagged("icn/ledger/clearing-key/v1", name_of, payer, payee))
        found["dues"].append(
            {
                "payer": payer.hex(),
                "payee": payee.hex(),
                "amount": str(atoms),
                "key": key.hex(),
            }
        )
    largest = owed and is_largest(given, owed, reductions)
    return dict(found, id=name_of.hex(), largest=largest)


def load(name):
    path = pathlib.Path(__file__).parent / name
    file = json.loads(path.read_text())
    assert file["format"] == 1
    return file["cases"]


def answers():
    """Each answer of each case with what is found."""
    for case in load("verdicts.json") + load("labels.json"):
        whole = Set(bytes.fromhex(case["unit"]), [line["record"] for line in case["records"]])
        picture, labels = whole.picture()
        for line, record in zip(case["records"], whole.records.values()):
            elsewhere = record.topic not in (whole.topic, whole.authority_topic)
            found = {
                "id": record.id.hex(),
                "verdict": None if elsewhere else whole.verdict(record.id),
                "label": labels.get(record.id),
            }
            yield f"{case['name']}: {line['name']}", line, found
        yield case["name"], case, picture
    for case in load("clearings.json"):
        yield case["name"], case, clearing(case)


def differs(case, found):
    return [name for name in found if case[name] != found[name]]


def main():
    self_test = "--self-test" in sys.argv[1:]
    cases = wrong = 0
    for name, case, found in answers():
        cases += 1
        if self_test:
            for field in found:
                damaged = dict(case, **{field: ["another answer"]})
                if not differs(damaged, found):
                    wrong += 1
                    print("not caught:", name, field)
        for field in differs(case, found):
            wrong += 1
            print(f"{name}: {field} is {case[field]}, found {found[field]}")
    print(f"{cases} cases, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
