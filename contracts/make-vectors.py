#!/usr/bin/env python3
"""Writes the test vectors beside it, from the text of the contracts alone. Needs Python, and openssl for signatures."""

import hashlib
import hmac
import json
import os
import struct
import subprocess
import tempfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
NAMESPACE = uuid.UUID("5e471b0d-3c9a-4f62-8a51-6d0e92b7c418")
IMAGE = hashlib.sha256(b"image").hexdigest()


def part(text):
    return f"{len(text.encode())}:{text}"


def named(kind, *parts):
    return str(uuid.uuid5(NAMESPACE, kind + ":" + "".join(map(part, parts))))


def job_identity():
    messages = [("patch-1", "lab"), ("patch-1", "lab2"), ("2patch-1", "lab"), ("", "lab"), ("schicht 7 – ü", "Institut für Pathologie"),
                ("a" * 255, "b" * 255), ("patch-1", IMAGE)]
    images = [("lab", "S-1", "96", "192", "0", IMAGE), ("", "", "", "", "", IMAGE), ("lab", "S-1", "", "", "", IMAGE)]
    given = ["4D0F6F2E-7C1B-4A52-9C36-0E9B1F0A7D11", "4d0f6f2e-7c1b-4a52-9c36-0e9b1f0a7d11"]
    return {
        "namespace": str(NAMESPACE),
        "uuid": [{"message_id": text, "job_id": text.lower()} for text in given],
        "message": [{"message_id": m, "sender": s, "job_id": named("message", s, m)} for m, s in messages if m],
        "image": [{"sender": s, "slide_id": slide, "x": x, "y": y, "level": level, "image_sha256": image,
                   "job_id": named("image", s, slide, x, y, level, image)} for s, slide, x, y, level, image in images],
        "event": [{"kind": "prediction", "about": [given[1]], "event_id": named("event", "prediction", given[1])},
                  {"kind": "quarantined", "about": [given[1], IMAGE],
                   "event_id": named("event", "quarantined", given[1], IMAGE)}],
    }


def counted(value):
    return struct.pack(">I", len(value)) + value


ENCODINGS = {
    "b": lambda value: bytes([value]),
    "i": lambda value: struct.pack(">q", value),
    "f": lambda value: struct.pack(">f", value),
    "d": lambda value: struct.pack(">d", value),
    "t": lambda value: value.encode(),
    "y": bytes.fromhex,
    "u": lambda value: uuid.UUID(value).bytes,
    "z": lambda value: struct.pack(">q", value),
}


def row_digest(table, columns):
    encoded = b"sentinode.row.v1" + counted(table.encode())
    for name, tag, value in sorted(columns, key=lambda column: column[0].encode()):
        encoded += counted(name.encode()) + tag.encode() + counted(ENCODINGS[tag](value))
    return hashlib.sha256(encoded).hexdigest()


def merkle_root(leaves):
    """RFC 9162, section 2.1.1, as it is written: recursion at the largest power of two below the count."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def seals(writer, batches):
    previous, chain = bytes(32), []
    for number, leaves in enumerate(batches):
        root = merkle_root(leaves)
        value = hashlib.sha256(b"sentinode.seal.v1" + uuid.UUID(writer).bytes + struct.pack(">q", number) + previous
                               + struct.pack(">q", len(leaves)) + root).digest()
        chain.append({"number": number, "leaves": [leaf.hex() for leaf in leaves], "root": root.hex(), "seal": value.hex()})
        previous = value
    return chain


def row_digests():
    writer = "0f8fad5b-d9cb-469f-a165-70867728950e"
    rows = [
        ("sentinode.predictions", [
            ["job_id", "u", "4d0f6f2e-7c1b-4a52-9c36-0e9b1f0a7d11"], ["decision", "t", "tumor"],
            ["p_tumor", "f", 0.8125], ["selection_probability", "d", 0.1], ["x", "i", 960], ["y", "i", -1],
            ["image_sha256", "y", IMAGE], ["predicted_at", "z", 1779445230125000], ["redelivered", "b", True],
            ["slide_id", "t", "Präparat 7"], ["salt", "y", "00112233445566778899aabbccddeeff"]]),
        ("audit.events", []),
        ("sentinode.control", [["paused", "b", False], ["generation", "i", 9223372036854775807], ["reason", "t", ""]]),
    ]
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(65)]
    return {
        "rows": [{"table": table, "columns": columns, "digest": row_digest(table, columns)} for table, columns in rows],
        "trees": [{"leaves": [leaf.hex() for leaf in leaves[:count]], "root": merkle_root(leaves[:count]).hex()}
                  for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 63, 64, 65]],
        "chain": {"writer": writer, "seals": seals(writer, [leaves[:1], leaves[1:4], leaves[4:9]])},
    }


def draw(key, purpose, job):
    message = b"sentinode.draw.v1" + purpose.encode() + b"\0" + uuid.UUID(job).bytes
    return (int.from_bytes(hmac.new(key, message, hashlib.sha256).digest()[:8], "big") >> 11) * 2.0 ** -53


def review_draws():
    keys = [bytes(range(32)), bytes(32), bytes([255] * 32)]
    jobs = ["4d0f6f2e-7c1b-4a52-9c36-0e9b1f0a7d11", "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    return {
        "keys": [{"key": key.hex(), "commitment": hashlib.sha256(b"sentinode.review-key.v1" + key).hexdigest()} for key in keys],
        "draws": [{"key": key.hex(), "purpose": purpose, "job_id": job, "number": draw(key, purpose, job)}
                  for key in keys for purpose in ("positive", "audit", "second-read") for job in jobs],
    }


# Test 1 of RFC 8032, section 7.1, and a key made of its digest: everybody knows them, so they protect nothing.
SEEDS = [bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
         hashlib.sha256(b"sentinode test key").digest()]


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def signing_key(folder, seed):
    """A private key as PKCS #8 in DER (RFC 8410), and its public key's 32 bytes."""
    path = os.path.join(folder, seed.hex()[:8])
    with open(path, "wb") as file:
        file.write(bytes.fromhex("302e020100300506032b657004220420") + seed)
    return path, openssl("pkey", "-inform", "DER", "-in", path, "-pubout", "-outform", "DER")[-32:]


def sign(folder, key, text):
    path = os.path.join(folder, "document")
    with open(path, "wb") as file:
        file.write(text.encode())
    return openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key, "-in", path)


def checkpoints():
    writers = sorted(str(uuid.uuid5(NAMESPACE, f"writer {number}")) for number in range(5))
    heads = [[], [(writers[0], 0), (writers[2], 6), (writers[3], 1)], [(writers[0], 4), (writers[4], 0)], [(writers[1], 0)]]
    totals = [(0, 0), (3, 10), (4, 15), (5, 16)]
    made, previous = [], "none"
    with tempfile.TemporaryDirectory() as folder:
        (old, old_public), (new, new_public) = (signing_key(folder, seed) for seed in SEEDS)
        for index, (moved, (chains, seals_in_all)) in enumerate(zip(heads, totals)):
            packed = [uuid.UUID(w).bytes + struct.pack(">q", n) + hashlib.sha256(f"{w} {n}".encode()).digest() for w, n in moved]
            key, public = (new, new_public) if index == 3 else (old, old_public)
            number = 7 if index == 3 else index + 1
            lines = ["sentinode.checkpoint.v1", f"number {number}", f"signed_at 2026-11-23T17:3{index}:05.461767Z",
                     f"server_time 2026-11-23T17:3{index}:05.000000Z", f"previous {previous}", f"key {public.hex()}"]
            if index == 2:
                lines.append(f"next_key {new_public.hex()}")
            if index == 3:
                lines += ['restored "disk \\"A\\" – failed"', f"base 3 {previous}"]
            lines += [f"chains {chains}", f"seals {seals_in_all}", f"heads {len(moved)}",
                      f"heads_root {merkle_root(packed).hex()}"]
            text = "\n".join(lines) + "\n"
            signature = sign(folder, key, text)
            file = f"{text}\nsignature {signature.hex()}\n" + "".join(
                f"head {w} {n} {head[24:].hex()}\n" for (w, n), head in zip(moved, packed))
            previous = hashlib.sha256(text.encode()).hexdigest()
            made.append({"document": text, "digest": previous, "signature": signature.hex(),
                         "heads": [head.hex() for head in packed], "file": file})
    return {"public_keys": [old_public.hex(), new_public.hex()], "checkpoints": made}


for name, vectors in (("job-identity-vectors", job_identity()), ("row-digest-vectors", row_digests()),
                      ("review-draws-vectors", review_draws()), ("checkpoint-vectors", checkpoints())):
    with open(f"{HERE}/{name}.json", "w") as file:
        json.dump(vectors, file, indent=1, ensure_ascii=False)
        file.write("\n")
