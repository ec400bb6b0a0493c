#!/usr/bin/env python3
"""Checks the vectors beside this file without any code of this repository.

    pip install cbor2 cryptography
    python3 check.py              every case holds
    python3 check.py --self-test  every case, damaged, is caught

README.md says what the fields mean and in which order a reader refuses.
"""

import hashlib
import json
import pathlib
import sys

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

LEN_MAX = 256 * 1024
CONTENT_LEN_MAX = 128 * 1024
DEPTH_MAX = 8
U64 = 2**64 - 1
UINT, NEGATIVE, BYTES, TEXT, ARRAY = range(5)


class Wrong(Exception):
    """A case says something that is not so."""


class Refused(Exception):
    """Bytes, a key or a text that has to be refused, with the code."""


def expect(holds, what):
    if not holds:
        raise Wrong(what)


def code_of(check, *arguments):
    """The code with which `check` refuses, or None."""
    try:
        check(*arguments)
    except Refused as refused:
        return str(refused)
    return None


# Ed25519 points, by the formulas of RFC 8032, section 5.1

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1)


def added(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P


def times(n, point):
    total = NEUTRAL
    while n:
        if n & 1:
            total = added(total, point)
        point = added(point, point)
        n >>= 1
    return total


def unpacked(key):
    """The point that 32 bytes name, in whatever spelling."""
    number = int.from_bytes(key, "little")
    y, sign = number % 2**255 % P, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT % P
    if x * x % P != square:
        raise Refused("key.point")
    return (P - x if x % 2 != sign else x) % P, y


def packed(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def admit(key):
    point = unpacked(key)
    if times(8, point) == NEUTRAL:
        raise Refused("key.weak")
    if packed(point) != key:
        raise Refused("key.canonical")
    if times(ORDER, point) != NEUTRAL:
        raise Refused("key.mixed")


def verify(key, message, signature):
    """RFC 8032 without the cofactor, and R not of small order."""
    admit(key)
    try:
        small = times(8, unpacked(signature[:32])) == NEUTRAL
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, Refused):
        raise Refused("key.signature") from None
    if small:
        raise Refused("key.signature")


# Texts

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def unbase58(text, length):
    number = 0
    for letter in text:
        if letter not in ALPHABET:
            raise Refused("text.spelling")
        number = number * 58 + ALPHABET.index(letter)
    if number >= 256**length:
        raise Refused("text.spelling")
    data = number.to_bytes(length, "big")
    if base58(data) != text:
        raise Refused("text.spelling")
    return data


def read_text(kind, text):
    prefix = {"key": "did:key:z", "member": "did:icn:z"}[kind]
    if not text.startswith(prefix):
        raise Refused("text.prefix")
    if kind == "member":
        return unbase58(text[9:], 32)
    data = unbase58(text[9:], 34)
    if data[:2] != b"\xed\x01":
        raise Refused("text.kind")
    admit(data[2:])
    return data[2:]


# Canonical bytes


class Reader:
    """Reads by shape; answers plain Python values."""

    def __init__(self, data):
        if len(data) > LEN_MAX:
            raise Refused("canon.limit")
        self.data, self.at = data, 0

    def peek(self):
        if self.at == len(self.data):
            raise Refused("canon.truncated")
        first = self.data[self.at]
        major, info = first >> 5, first & 31
        if major in (5, 6) or info > 27 or (major == 7 and info not in (20, 21, 22)):
            raise Refused("canon.forbidden")
        return major, info

    def head(self, *majors):
        major, info = self.peek()
        if major not in majors:
            raise Refused("canon.type")
        self.at += 1
        if info < 24:
            return major, info
        digits = self.take(1 << (info - 24))
        value = int.from_bytes(digits, "big")
        if value < (24, 2**8, 2**16, 2**32)[info - 24]:
            raise Refused("canon.not_shortest")
        return major, value

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Refused("canon.truncated")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, low, high, *majors):
        major, value = self.head(*majors)
        value = -1 - value if major == NEGATIVE else value
        if not low <= value <= high:
            raise Refused("canon.range")
        return value

    def string(self, major):
        data = self.take(self.head(major)[1])
        if major == BYTES:
            return data
        try:
            return data.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise Refused("canon.text") from None

    def array(self):
        length = self.head(ARRAY)[1]
        if length > len(self.data) - self.at:
            raise Refused("canon.truncated")
        return length

    def simple(self):
        major, info = self.peek()
        if major != 7:
            raise Refused("canon.type")
        self.at += 1
        return {20: False, 21: True, 22: None}[info]

    def item(self, depth=0):
        major, _ = self.peek()
        if major == UINT:
            return self.number(0, U64, UINT)
        if major == NEGATIVE:
            return self.number(-(2**63), -1, NEGATIVE)
        if major in (BYTES, TEXT):
            return self.string(major)
        if major == ARRAY:
            length = self.array()
            if depth == DEPTH_MAX:
                raise Refused("canon.depth")
            return [self.item(depth + 1) for _ in range(length)]
        return self.simple()

    def shaped(self, shape):
        if isinstance(shape, str):
            return self.named(shape)
        if "bytes" in shape:
            data = self.string(BYTES)
            if len(data) != shape["bytes"]:
                raise Refused("canon.range")
            return data
        if "option" in shape:
            if self.data[self.at : self.at + 1] == b"\xf6":
                return self.simple()
            return self.shaped(shape["option"])
        if "list" in shape:
            length = self.array()
            if length > shape["max"]:
                raise Refused("canon.limit")
            if length < shape["min"]:
                raise Refused("canon.count")
            return [self.shaped(shape["list"]) for _ in range(length)]
        return self.tagged(shape["tagged"], shape["fields"])

    def named(self, name):
        if name == "item":
            return self.item()
        if name == "bool":
            first = self.data[self.at : self.at + 1]
            if first == b"\xf6":
                raise Refused("canon.type")
            return self.simple()
        if name == "i64":
            return self.number(-(2**63), 2**63 - 1, UINT, NEGATIVE)
        if name == "key":
            key = self.shaped({"bytes": 32})
            admit(key)
            return key
        if name in PARTS:
            return PARTS[name](self)
        return self.number(0, 2 ** int(name[1:]) - 1, UINT)

    def tagged(self, tag, fields):
        if self.array() != len(fields) + 1:
            raise Refused("canon.count")
        if self.string(TEXT) != tag:
            raise Refused("canon.tag")
        return [tag] + [self.shaped(field) for field in fields]


def read(shape, data):
    reader = Reader(data)
    value = reader.shaped(shape)
    if reader.at != len(data):
        raise Refused("canon.trailing")
    return value


# Records

ID = {"bytes": 32}
MAYBE = {"option": ID}
CHARTER, RECALL = 0, 4


def read_header(reader):
    """`[tag, topic, chain, epoch, seq, prev, kind, at, content hash, length]`"""
    if reader.array() != 10:
        raise Refused("canon.count")
    tag = reader.string(TEXT)
    if tag != "icn/types/header/v1":
        raise Refused("canon.tag")
    place = [reader.shaped(shape) for shape in (MAYBE, MAYBE, MAYBE, "u64", MAYBE)]
    named = tuple(part is not None for part in place[:3] + place[4:])
    seq, first = place[3], place[4] is None
    founding = named == (False, False, False, False) and seq == 0
    succession = named == (True, True, False, True)
    if not (founding or succession or named[:3] == (True, True, True)):
        raise Refused("header.place")
    rest = [reader.shaped(shape) for shape in ("u16", "u64", ID, "u32")]
    kind, length = rest[0], rest[3]
    if length > CONTENT_LEN_MAX:
        raise Refused("canon.limit")
    if founding:
        fits = kind == CHARTER
    elif succession:
        fits = kind == RECALL and seq > 0
    else:
        fits = kind not in (CHARTER, RECALL) and (seq == 0) == first
    if not fits:
        raise Refused("header.place")
    return [tag, *place, *rest]


def read_content(reader):
    refs = {"list": ID, "min": 0, "max": 512}
    content = reader.tagged("icn/types/content/v1", [refs, MAYBE, "item"])
    if any(a >= b for a, b in zip(content[1], content[1][1:])):
        raise Refused("content.refs")
    return content


def raw_item(reader):
    start = reader.at
    reader.item()
    return reader.data[start : reader.at]


def read_record(reader):
    if reader.array() != 4:
        raise Refused("canon.count")
    tag = reader.string(TEXT)
    if tag != "icn/types/record/v1":
        raise Refused("canon.tag")
    header = read("header", raw_item(reader))
    signature = reader.shaped({"bytes": 64})
    if reader.data[reader.at : reader.at + 1] == b"\xf6":
        return [tag, header, signature, reader.simple()]
    content = raw_item(reader)
    if (hashlib.sha256(content).digest(), len(content)) != tuple(header[8:]):
        raise Refused("record.content")
    return [tag, header, signature, read("content", content)]



# Bodies of the authority chain

SIGNATURE = {"bytes": 64}
INCEPTION = {"tagged": "icn/types/inception/v1", "fields": [ID, "key", "key"]}


def many(shape, low, high):
    return {"list": shape, "min": low, "max": high}


def require(holds, code):
    if not holds:
        raise Refused(code)


def ascending(items):
    return all(a < b for a, b in zip(items, items[1:]))


def plain(*fields):
    """An array without a tag."""

    def read_plain(reader):
        if reader.array() != len(fields):
            raise Refused("canon.count")
        return [reader.shaped(field) for field in fields]

    return read_plain


def body(name, *fields, rule=lambda value: None):
    def read_body(reader):
        value = reader.tagged(f"icn/types/{name}/v1", fields)
        rule(value)
        return value

    return read_body


def ruled(read_part, rule):
    def read_ruled(reader):
        value = read_part(reader)
        rule(value)
        return value

    return read_ruled


def choice(code, options):
    """`[kind, ...]`, where kind and number of items go together."""

    def read_choice(reader):
        length = reader.array()
        kind = reader.shaped("u64")
        fields = options.get(kind, ())
        require(kind in options and length == len(fields) + 1, code)
        return [kind] + [reader.shaped(field) for field in fields]

    return read_choice


def read_voter(reader):
    if reader.array() != 2:
        raise Refused("canon.count")
    kind = reader.shaped("u64")
    require(kind in (0, 1), "recall.voter")
    return [kind, reader.shaped("u8" if kind else ID)]


def read_start(reader):
    if reader.data[reader.at : reader.at + 1] == b"\xf6":
        return reader.simple()
    return plain(ID, {"option": "tip"})(reader)


def read_amount(reader):
    amount = reader.shaped("u64")
    require(amount > 0, "amount.zero")
    require(amount < 2**63, "amount.large")
    return amount


def read_outcome(reader):
    outcome = reader.shaped("u64")
    require(outcome <= 6, "outcome.kind")
    return outcome


def charter_rule(charter):
    _, nonce, format_, _, recovery, roll, _, _ = charter
    require(format_ > 0, "charter.format")
    names = [hashlib.sha256(cbor2.dumps(member, canonical=True)).digest() for member in roll]
    belong = all(member[1] == nonce for member in roll)
    require(belong and ascending(names), "charter.roll")
    require(ascending(recovery) and (recovery or len(roll) >= 4), "charter.recovery")


def open_rule(open_):
    require(open_[4] > 0, "open.format")
    require((open_[6] == 0) == (open_[7] is None), "open.claims")


def grant_rule(grant):
    floor, ceiling, float_ = grant
    require(floor <= 0 <= ceiling and float_ < 2**63, "grant.range")


def terms_rule(terms):
    tellers, needed = terms[:2]
    require(ascending(tellers) and 0 < needed <= len(tellers), "opening.tellers")


PARTS = {
    "header": read_header,
    "content": read_content,
    "record": read_record,
    "amount": read_amount,
    "owner": choice(
        "chain.owner", {0: (), 1: (ID, "u32"), 2: ("u32",), 3: ("u32",), 4: ("key",), 5: ("u32",)}
    ),
    "chain": body("chain", ID, "owner"),
    "tip": plain("u64", ID),
    "start": read_start,
    "grant": ruled(plain("i64", "i64", "u64"), grant_rule),
    "consent-of": choice("consent.kind", {0: (SIGNATURE,), 1: (SIGNATURE,), 2: (ID, "u16")}),
    "sealed": plain("header", SIGNATURE),
    "row": plain(ID, ID, {"option": "sealed"}, "bool"),
    "voter": read_voter,
    "vote": plain("voter", SIGNATURE),
    "envelope": ruled(
        plain(ID, MAYBE, ID, "amount", "u16", "u64"),
        lambda envelope: require(envelope[4] > 0, "envelope.tranches"),
    ),
    "action": choice(
        "action.kind",
        {0: (ID, ID, ID, "amount"), 1: (ID, "key", "key"), 2: ("envelope",)},
    ),
    "terms": ruled(plain(many(ID, 1, 32), "u8", "u64", "u64"), terms_rule),
    "outcome": read_outcome,
    "charter": body(
        "charter",
        *(ID, "u16", "key", many("key", 0, 16), many(INCEPTION, 1, 512), "u64", "item"),
        rule=charter_rule,
    ),
    "roll": body("roll", many(INCEPTION, 0, 512), many(ID, 0, 512)),
    "open": body(
        "open",
        *("chain", "key", "key", "u16", "start", "u64", MAYBE, {"option": "grant"}),
        "consent-of",
        rule=open_rule,
    ),
    "consent": body(
        "consent", ID, ID, "start", "key", "key", "u16", {"option": "grant"}
    ),
    "raise": body("raise", ID, "i64", rule=lambda r: require(r[2] <= 0, "grant.range")),
    "seal": body(
        "seal",
        many("row", 1, 256),
        rule=lambda seal: require(ascending([row[0] for row in seal[1]]), "seal.rows"),
    ),
    "recall": body(
        "recall",
        "key",
        many("vote", 1, 1024),
        rule=lambda r: require(ascending([vote[0] for vote in r[2]]), "recall.votes"),
    ),
    "recall-vote": body("recall-vote", ID, ID, "key"),
    "opening": body("opening", ID, ID, many("action", 0, 16), "item", ID, "terms"),
    "close": body(
        "close",
        *(ID, "outcome", many(ID, 1, 32), "item"),
        rule=lambda close: require(ascending(close[3]), "close.shuts"),
    ),
    "ready": body("ready", ID),
    "release": body("release", ID, "u16", "u16"),
}


# Cases


def described(value):
    """The Python value behind a description."""
    if isinstance(value, list):
        return [described(item) for item in value]
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        return {"int": int, "bytes": bytes.fromhex, "text": str}[kind](text)
    return value


def same(a, b):
    """Equality that keeps 1 and true apart."""
    return a == b and cbor2.dumps(a) == cbor2.dumps(b)


def check_bytes(value, data):
    expect(cbor2.dumps(value, canonical=True) == data, "cbor2 writes other bytes")
    expect(same(cbor2.loads(data), value), "cbor2 reads another value")


def data_of(case):
    return bytes.fromhex(case["hex"]) + bytes(case.get("zeros", 0))


def check_canonical(case):
    data = data_of(case)
    code = code_of(read, case["as"], data)
    expect(code == case.get("code"), f"refused with {code}")
    if code is None:
        value = described(case["value"])
        expect(same(read(case["as"], data), value), "read as another value")
        check_bytes(value, data)


def check_id(case):
    data = data_of(case)
    check_bytes(described(case["value"]), data)
    name = hashlib.sha256(data).digest()
    expect(name.hex() == case["id"], f"the name is {name.hex()}")
    if "text" in case:
        text = "did:icn:z" + base58(name)
        expect(case["text"] == text, f"the text is {text}")


def check_key(case):
    if "code" in case:
        if "key" in case:
            code = code_of(admit, bytes.fromhex(case["key"]))
        else:
            code = code_of(read_text, case["as"], case["text"])
        expect(code == case["code"], f"refused with {code}")
        return
    if "member" in case:
        name = bytes.fromhex(case["member"])
        expect(case["text"] == "did:icn:z" + base58(name), "another text")
        expect(code_of(read_text, "member", case["text"]) is None, "text refused")
        return
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(case["seed"]))
    key = private.public_key().public_bytes_raw()
    expect(key.hex() == case["key"], f"the key is {key.hex()}")
    expect(code_of(admit, key) is None, "key refused")
    text = "did:key:z" + base58(b"\xed\x01" + key)
    expect(case["text"] == text, f"the text is {text}")
    expect(code_of(read_text, "key", text) is None, "text refused")


def check_signature(case):
    parts = [bytes.fromhex(case[name]) for name in ("key", "message", "signature")]
    code = code_of(verify, *parts)
    expect(code == case.get("code"), f"refused with {code}")


def check_record(case):
    data = data_of(case)
    code = code_of(read, "record", data)
    expect(code == case.get("code"), f"refused with {code}")
    if code is not None:
        return
    value = described(case["value"])
    expect(same(read("record", data), value), "read as another value")
    check_bytes(value, data)
    _, header, signature, _ = value
    signed = cbor2.dumps(header, canonical=True)
    name = hashlib.sha256(signed).hexdigest()
    expect(name == case["id"], f"the name is {name}")
    code = code_of(verify, bytes.fromhex(case["key"]), signed, signature)
    expect(code is None, f"signature refused with {code}")


FILES = {
    "bodies.json": check_canonical,
    "canonical.json": check_canonical,
    "ids.json": check_id,
    "keys.json": check_key,
    "records.json": check_record,
    "signatures.json": check_signature,
}


def failure(check, case):
    """What is wrong with a case, or None."""
    try:
        check(case)
    except (Wrong, Refused, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return None


# Self-test

DAMAGED = ("hex", "id", "text", "seed", "key", "member", "signature", "message", "code")


def damages(case):
    """Copies of a case with one letter changed, field by field. In a refused
    case only the claimed code is changed, or withdrawn."""
    fields = ("code",) if "code" in case else DAMAGED
    for field in fields:
        if text := case.get(field):
            at = len(text) // 2
            letter = "1" if text[at] != "1" else "2"
            yield field, {**case, field: text[:at] + letter + text[at + 1 :]}
    if "code" in case:
        yield "code", {name: value for name, value in case.items() if name != "code"}


def main():
    here = pathlib.Path(__file__).parent
    self_test = sys.argv[1:] == ["--self-test"]
    passed, failed = 0, 0
    for name, check in FILES.items():
        document = json.loads((here / name).read_text("ascii"))
        expect(document["format"] == 1 and document["cases"], f"{name} has no cases")
        for case in document["cases"]:
            if self_test:
                found = [(f, failure(check, broken)) for f, broken in damages(case)]
                errors = [f"damaged {field} passes" for field, error in found if error is None]
                errors += [] if found else ["nothing to damage"]
                passed += len(found) - len(errors)
            else:
                error = failure(check, case)
                errors = [error] if error else []
                passed += not errors
            for error in errors:
                failed += 1
                print(f"{name}: {case['name']}: {error}", file=sys.stderr)
    judged = {"authority.json"}  # by judge.py
    unknown = {path.name for path in here.glob("*.json")} - set(FILES) - judged
    for name in sorted(unknown):
        failed += 1
        print(f"{name}: nobody checks this file", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
