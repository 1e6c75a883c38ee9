import CApus

/// What servers and clients of a cluster show each other that they know, without saying it.
///
///     server    {"type":"challenge","nonce":"…"}               only where there is a secret
///     client    {"type":"auth","nonce":"…","proof":"…"}
///     server    {"type":"welcome","proof":"…"}
///
/// A proof is the HMAC-SHA256 of who gives it and both nonces: nothing that was seen on the wire can be used again.
nonisolated struct ClusterSecret: Sendable {
    enum Side: String {
        case client, server
    }

    private let bytes: [UInt8]

    /// Nil for no secret.
    init?(_ text: String?) {
        guard let text, !text.isEmpty else { return nil }
        bytes = Array(text.utf8)
    }

    /// A number that was never used before, in hexadecimal.
    static func nonce() -> String {
        var bytes = [UInt8](repeating: 0, count: Int(CAPUS_MAC_BYTES))
        precondition(capus_random(&bytes, bytes.count), "the system has no randomness to give")
        return hex(bytes)
    }

    func proof(of side: Side, server: String, client: String) -> String {
        let message = Array("apus cluster 1 \(side.rawValue) \(server) \(client)".utf8)
        var proof = [UInt8](repeating: 0, count: Int(CAPUS_MAC_BYTES))
        let isDone = capus_authenticate(bytes, bytes.count, message, message.count, &proof)
        precondition(isDone, "OpenSSL has no HMAC-SHA256")
        return Self.hex(proof)
    }

    /// In the same time wherever they differ.
    static func isSame(_ proof: String, as expected: String) -> Bool {
        let (proof, expected) = (Array(proof.utf8), Array(expected.utf8))
        return proof.count == expected.count && capus_is_same_secret(proof, expected, expected.count)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
