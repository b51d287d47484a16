import AuditTrail
import Foundation

/// A shell script that recomputes proofs with `xxd`, `sha256sum` and `openssl`, and says what fits.
///
/// Nothing in it comes from a row but hexadecimal digits. The script itself puts them together and prints what they say,
/// so what a person reads is what is hashed.
public struct ProofScript {
    private var lines: [String] = []

    public init(_ proofs: [InclusionProof]) {
        lines = [ProofScript.preamble]
        for proof in proofs { add(proof) }
    }

    public var text: String { lines.joined(separator: "\n") + "\n" }

    private static let preamble = """
        #!/bin/sh
        # Recomputes an inclusion proof with xxd, sha256sum and openssl.   usage: sh proof.sh [PUBLIC-KEY.pem]
        # How rows, trees and seals are hashed: contracts/row-digest.md; checkpoints: contracts/checkpoint.md.
        set -eu
        sha256() { printf %s "$1" | xxd -r -p | sha256sum | cut -d ' ' -f 1; }
        fits() { [ "$2" = "$3" ] || { echo "DOES NOT FIT: $1"; exit 1; }; echo "fits: $1"; }
        # usage: counted HEX     its length in bytes, and itself
        counted() { printf %08x%s $((${#1} / 2)) "$1"; }
        number() { printf %s "$1" | sed 's/../& /g' | awk '{ for (i = NF; i > 0; i--) printf "%s", $i }' |
            xxd -r -p | od -A n -t "$2" | tr -d ' \\n'; }
        # usage: column NAME TYPE HEX     adds a value to the row, and says what it is
        column() {
            row=$row$(counted "$(printf %s "$1" | xxd -p | tr -d '\\n')")$2$(counted "$3")
            case $2 in
            74) value=$(printf %s "$3" | xxd -r -p | LC_ALL=C tr -c '\\040-\\176' '?') ;;
            69) value=$(number "$3" d8) ;;
            66) value=$(number "$3" f4) ;;
            64) value=$(number "$3" f8) ;;
            7a) value=$(number "$3" d8)" microseconds since 1970-01-01 UTC" ;;
            *) value=$(printf %.64s "$3") ;;
            esac
            echo "    $1 = $value"
        }

        """

    private mutating func add(_ proof: InclusionProof) {
        let head = RowEncoding(table: proof.row.table, columns: []).bytes
        lines += ["echo 'a row of \(proof.row.table):'", "row=\(hexadecimal(head))"]
        for column in proof.row.columns.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            let encoded = RowEncoding(table: proof.row.table, columns: [column]).bytes.dropFirst(head.count)
            let tagAndValue = encoded.dropFirst(4 + column.name.utf8.count)
            lines.append(
                "column \(column.name) \(hexadecimal(tagAndValue.prefix(1))) '\(hexadecimal(tagAndValue.dropFirst(5)))'"
            )
        }
        lines += [
            "digest=$(sha256 \"$row\")",
            "fits 'the row has the digest of its leaf' \"$digest\" \(hexadecimal(proof.digest))",
            "",
            "# Leaf \(proof.position.leaf) of \(proof.leafCount), and its neighbours up to the root (RFC 9162, 2.1.3)",
            "node=$(sha256 \"00$digest\")",
        ]
        add(proof.path)
        lines += [
            "root=\(hexadecimal(proof.root))", "fits 'the leaf stands under the root' \"$node\" \"$root\"",
            "", "# Seal \(proof.position.seal) of the writer, over the seal before and this root",
            "previous=\(hexadecimal(proof.previous ?? [UInt8](repeating: 0, count: 32)))",
            sealLine(proof.position, number: proof.position.seal, leafCount: proof.leafCount, root: "$root"),
            "fits 'the root is sealed' \"$previous\" \(hexadecimal(proof.seal))",
        ]
        guard let anchor = proof.anchor else {
            return lines.append("echo 'not anchored: no checkpoint covers this seal yet'\n")
        }
        if !proof.links.isEmpty { lines += ["", "# The seals after it, up to the one that the checkpoint names"] }
        for link in proof.links {
            lines.append(
                sealLine(
                    proof.position, number: link.number, leafCount: link.leafCount, root: hexadecimal(link.root)))
        }
        add(anchor, proof.position)
    }

    /// `previous` becomes the seal that follows it.
    private func sealLine(_ position: LeafPosition, number: Int64, leafCount: Int64, root: String) -> String {
        let name = hexadecimal("sentinode.seal.v1".utf8)
        let writer = withUnsafeBytes(of: position.writer.uuid) { hexadecimal($0) }
        return "previous=$(sha256 \"\(name)\(writer)\(digits(number))${previous}\(digits(leafCount))\(root)\")"
    }

    /// 8 bytes, big-endian.
    private func digits(_ number: Int64) -> String { withUnsafeBytes(of: number.bigEndian) { hexadecimal($0) } }

    private mutating func add(_ path: InclusionPath) {
        for step in path.steps {
            switch step {
            case .left(let hash): lines.append("node=$(sha256 \"01\(hexadecimal(hash))${node}\")")
            case .right(let hash): lines.append("node=$(sha256 \"01${node}\(hexadecimal(hash))\")")
            }
        }
    }

    private mutating func add(_ anchor: InclusionProof.Anchor, _ position: LeafPosition) {
        let document = anchor.checkpoint.document
        let writer = withUnsafeBytes(of: position.writer.uuid) { hexadecimal($0) }
        lines += [
            "", "# Its place among the heads of checkpoint \(document.number)",
            "node=$(sha256 \"00\(writer)\(digits(anchor.head.number))$previous\")",
        ]
        add(anchor.path)
        lines += [
            "fits 'the chain leads to the heads of checkpoint \(document.number)' \"$node\" \(hexadecimal(document.headsRoot))",
            "", "# The checkpoint, which names that root, and its signature",
            "document=\(hexadecimal(document.text.utf8))",
            "signature=\(hexadecimal(anchor.checkpoint.signature))",
            "printf %s \"$document\" | xxd -r -p | sed 's/^/    /'",
            """
            fits 'the checkpoint names the root' "$node" \
            "$(printf %s "$document" | xxd -r -p | sed -n 's/^heads_root //p')"
            if [ $# -gt 0 ]; then
                folder=$(mktemp -d)
                printf %s "$document" | xxd -r -p >"$folder/document"
                printf %s "$signature" | xxd -r -p >"$folder/signature"
                signed=no
                openssl pkeyutl -verify -pubin -inkey "$1" -rawin -in "$folder/document" \
            -sigfile "$folder/signature" >/dev/null 2>&1 && signed=yes
                rm -r "$folder"
                fits 'the checkpoint is signed by the key given' "$signed" yes
            else
                echo 'the signature was not checked: no public key was given'
            fi

            """,
        ]
    }
}
