import Apus
import ApusClient

/// Makes one request and says what came of it in one line: "STATUS LENGTH SHA1" of a complete and well-formed response,
/// else "ERROR reason". Redirects are not followed, and it gives up after three seconds without data.
///
///     swift run Examples HTTPFetch http://127.0.0.1:8080/
enum HTTPFetch {
    static func fetch(_ words: [String]) throws {
        guard words.count == 1 else { throw OptionError(description: "expected one address") }
        var options = HTTPClientOptions()
        options.maxRedirects = 0
        options.decompresses = false
        options.connectTimeout = 3
        options.idleTimeout = 3
        options.timeout = nil
        options.maxBodyBytes = 1 << 30
        try EventLoop.run {
            let client = HTTPClient(options)
            do {
                let response = try await client.get(words[0])
                print("\(response.status.code) \(response.body.count) \(sha1(response.body))")
            } catch {
                print("ERROR \(error)")
            }
            client.close()
        }
    }

    /// FIPS 180-4 §6.1, in hexadecimal.
    private static func sha1(_ message: [UInt8]) -> String {
        var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        let zeros = [UInt8](repeating: 0, count: (119 - message.count % 64) % 64)
        let bits = UInt64(message.count) * 8
        let padded = message + [0x80] + zeros + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
        let rotate = { (word: UInt32, count: UInt32) in word << count | word >> (32 - count) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            var w = (0..<16).map { i in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[start + 4 * i + $1]) } }
            for i in 16..<80 { w.append(rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1)) }
            var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
            for i in 0..<80 {
                let (f, k): (UInt32, UInt32) =
                    switch i / 20 {
                    case 0: (b & c | ~b & d, 0x5A82_7999)
                    case 1: (b ^ c ^ d, 0x6ED9_EBA1)
                    case 2: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                (a, b, c, d, e) = (rotate(a, 5) &+ f &+ e &+ k &+ w[i], a, rotate(b, 30), c, d)
            }
            for (i, word) in [a, b, c, d, e].enumerated() { hash[i] &+= word }
        }
        return hash.map { word in
            String(repeating: "0", count: word.leadingZeroBitCount / 4 - (word == 0 ? 1 : 0)) + String(word, radix: 16)
        }.joined()
    }
}
