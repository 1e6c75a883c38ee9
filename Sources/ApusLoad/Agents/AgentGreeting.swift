import CApus

/// How an agent and a coordinator get to know each other. The agent speaks first, so that a coordinator that is turned
/// away has sent nothing: what was not read would take the answer with it.
///
///     both         preamble: magic, version
///     agent        challenge: whether it has a secret, its nonce
///     coordinator  answer: whether it has a secret, its nonce, its proof
///     agent        admitted: its proof, its processes
///
/// A proof is the HMAC of who gives it, the version and both nonces: each side shows that it knows the secret, and
/// nothing that was seen on the wire can be used again.
nonisolated enum AgentGreeting {
    enum Side: String {
        case agent
        case coordinator
    }

    /// Raised with every change of what the messages hold.
    static let version: UInt64 = 1
    static let preambleCount = 16
    private static let magic = Array("APUSLOAD".utf8)

    static func preamble(version: UInt64 = version) -> [UInt8] {
        var message = MessageEncoder()
        message.append(version)
        return magic + message.bytes
    }

    /// The version that the other side speaks; nil when it is something else altogether.
    static func version(in preamble: [UInt8]) -> UInt64? {
        guard preamble.count == preambleCount, preamble.starts(with: magic) else { return nil }
        var message = MessageDecoder(Array(preamble.dropFirst(magic.count)))
        return message.unsigned()
    }

    /// A number that was never used before.
    static func nonce() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(CAPUS_MAC_BYTES))
        precondition(capus_random(&bytes, bytes.count), "the system has no randomness to give")
        return bytes
    }

    static func proof(of side: Side, _ secret: LoadAgentSecret?, _ challenge: Challenge, _ nonce: [UInt8]) -> [UInt8] {
        var message = MessageEncoder()
        message.append(Array(side.rawValue.utf8))
        message.append(version)
        message.append(challenge.nonce)
        message.append(nonce)
        let key = secret?.bytes ?? []
        var proof = [UInt8](repeating: 0, count: Int(CAPUS_MAC_BYTES))
        // OpenSSL wants a key to point to even where it is empty.
        let isDone = capus_authenticate(key + [0], key.count, message.bytes, message.bytes.count, &proof)
        precondition(isDone, "OpenSSL has no HMAC-SHA256")
        return proof
    }

    /// In the same time wherever they differ.
    static func isSame(_ proof: [UInt8], as expected: [UInt8]) -> Bool {
        proof.count == expected.count && capus_is_same_secret(proof, expected, expected.count)
    }

    /// What an agent asks for.
    struct Challenge {
        let hasSecret: Bool
        let nonce: [UInt8]

        init(hasSecret: Bool) {
            self.hasSecret = hasSecret
            nonce = AgentGreeting.nonce()
        }

        var encoded: [UInt8] {
            var message = MessageEncoder()
            message.append(hasSecret)
            message.append(nonce)
            return message.bytes
        }

        init?(decoding bytes: [UInt8]) {
            var message = MessageDecoder(bytes)
            guard let hasSecret = message.flag(), let nonce = message.text(), message.isAtEnd,
                nonce.count == Int(CAPUS_MAC_BYTES)
            else { return nil }
            self.hasSecret = hasSecret
            self.nonce = nonce
        }
    }

    /// What a coordinator says to that.
    struct Answer {
        let hasSecret: Bool
        let nonce: [UInt8]
        let proof: [UInt8]

        init(to challenge: Challenge, _ secret: LoadAgentSecret?) {
            hasSecret = secret != nil
            nonce = AgentGreeting.nonce()
            proof = AgentGreeting.proof(of: .coordinator, secret, challenge, nonce)
        }

        var encoded: [UInt8] {
            var message = MessageEncoder()
            message.append(hasSecret)
            message.append(nonce)
            message.append(proof)
            return message.bytes
        }

        init?(decoding bytes: [UInt8]) {
            var message = MessageDecoder(bytes)
            guard let hasSecret = message.flag(), let nonce = message.text(), let proof = message.text(),
                message.isAtEnd, nonce.count == Int(CAPUS_MAC_BYTES)
            else { return nil }
            self.hasSecret = hasSecret
            self.nonce = nonce
            self.proof = proof
        }
    }

    /// What an agent tells a coordinator that knows the secret.
    struct Admission {
        let proof: [UInt8]
        let processes: Int

        init(_ answer: Answer, to challenge: Challenge, _ secret: LoadAgentSecret?, processes: Int) {
            proof = AgentGreeting.proof(of: .agent, secret, challenge, answer.nonce)
            self.processes = processes
        }

        var encoded: [UInt8] {
            var message = MessageEncoder()
            message.append(proof)
            message.append(processes)
            return message.bytes
        }

        init?(decoding bytes: [UInt8]) {
            var message = MessageDecoder(bytes)
            guard let proof = message.text(), let processes = message.integer(), message.isAtEnd,
                (1...LoadOptions.maxProcesses).contains(processes)
            else { return nil }
            self.proof = proof
            self.processes = processes
        }
    }
}
