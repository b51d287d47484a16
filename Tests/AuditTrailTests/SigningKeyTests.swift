import AuditTrail
import Foundation
import Testing

@Suite struct `Keys and inclusion paths` {
    /// RFC 8032, section 7.1, test 2: one byte, 72.
    private static let publicKey = bytes(
        hexadecimal: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    private static let signature = bytes(
        hexadecimal: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")

    @Test func `a signature of RFC 8032 verifies, and a changed one does not`() throws {
        let key = try #require(VerifyingKey(bytes: Self.publicKey ?? []))
        var signature = try #require(Self.signature)
        #expect(key.verifies(signature, over: [0x72]))
        #expect(!key.verifies(signature, over: [0x73]))
        #expect(!key.verifies([], over: [0x72]))
        signature[10] ^= 1
        #expect(!key.verifies(signature, over: [0x72]))
    }

    @Test func `a key that was written and read signs for its public key, and for no other`() throws {
        let key = try SigningKey()
        let again = try SigningKey(pem: key.pem())
        let message = Array("a message".utf8)
        let signature = try again.signature(over: message)
        #expect(key.verifyingKey.verifies(signature, over: message))
        #expect(try VerifyingKey(pem: key.verifyingKey.pem()) == key.verifyingKey)
        let other = try SigningKey()
        #expect(!other.verifyingKey.verifies(signature, over: message))
    }

    @Test(arguments: ["", "no key", "-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END " + "PRIVATE KEY-----\n"])
    func `what is no key is refused`(text: String) {
        #expect(throws: KeyError.self) { try SigningKey(pem: text) }
        #expect(throws: KeyError.self) { try VerifyingKey(pem: text) }
    }

    @Test func `a public key is not taken for a private one, nor the reverse`() throws {
        let key = try SigningKey()
        #expect(throws: KeyError.self) { try SigningKey(pem: key.verifyingKey.pem()) }
        #expect(throws: KeyError.self) { try VerifyingKey(pem: key.pem()) }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65])
    func `the path of every leaf leads to the root, and that of another leaf does not`(count: Int) throws {
        let hash = try Hash()
        let leaves = (0..<count).map { [UInt8($0), 1, 2] }
        let root = try MerkleTree(hash: hash).root(over: leaves)
        for index in leaves.indices {
            let path = try InclusionPath(to: index, over: leaves, hash: hash)
            #expect(try path.root(from: leaves[index], hash: hash) == root)
            #expect(try path.root(from: [9, 9], hash: hash) != root)
        }
    }

    @Test func `hexadecimal digits are read back, and nothing else is`() {
        #expect(bytes(hexadecimal: "00ff7a") == [0, 255, 0x7a])
        #expect(bytes(hexadecimal: "") == [])
        for text in ["0", "0g", "FF", "0x", " 00", "é"] { #expect(bytes(hexadecimal: text) == nil, "\(text)") }
    }
}
