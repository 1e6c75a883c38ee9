import ApusProtocols
import Testing

private func hash(_ text: String) -> String {
    let digest = Array(text.utf8).withUnsafeBytes { SHA1.digest(of: $0) }
    return digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

@Suite struct `SHA-1` {
    /// FIPS 180's examples, and RFC 3174 §7.3.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
                + "nopqrstu", "a49b2446a02c645bf419f995b67091253a04a259"
        ),
        (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        (String(repeating: "01234567", count: 80), "dea356a2cddd90c7a7ecedc5ebb563934f460452"),
    ])
    func `has the values of the standard`(_ text: String, _ digest: String) {
        #expect(hash(text) == digest)
    }

    /// Where the padding begins, ends, and takes another block. The values are those of sha1sum.
    @Test(arguments: [
        (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"), (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
        (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"), (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
        (65, "11655326c708d70319be2610e8a57d9a5b959d3b"),
    ])
    func `pads any length`(_ count: Int, _ digest: String) {
        #expect(hash(String(repeating: "a", count: count)) == digest)
    }
}

@Suite struct `Base64 coding` {
    /// RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `has the values of the standard`(_ text: String, _ coded: String) {
        #expect(String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) == coded)
        #expect(Array(coded.utf8).withUnsafeBytes { Base64.decodedCount(of: $0) } == text.utf8.count)
    }

    @Test func `knows every digit`() {
        let all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        let bytes = (0..<16).flatMap { i -> [UInt8] in
            let bits = (i * 4) << 18 | (i * 4 + 1) << 12 | (i * 4 + 2) << 6 | (i * 4 + 3)
            return [UInt8(bits >> 16), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
        }
        #expect(String(decoding: Base64.encode(bytes), as: UTF8.self) == all)
        for byte in UInt8.min...UInt8.max {
            let count = [byte, 65, 65, 65].withUnsafeBytes { Base64.decodedCount(of: $0) }
            #expect((count == 3) == all.utf8.contains(byte))
        }
    }

    @Test(arguments: ["A", "AA", "AAA", "AAAAA", "A===", "====", "=AAA", "AA=A", "AAA=AAAA", "AA A", "AA-_", "AAA\n"])
    func `refuses what is none`(_ text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { Base64.decodedCount(of: $0) } == nil)
    }
}
