import Testing

@testable import Apus

@Suite struct `Reconnect policy` {
    @Test func `delays grow up to the limit, and are random in part`() {
        var policy = ReconnectPolicy()
        #expect((0..<8).map { policy.delay(after: $0, chance: 0) } == [0.5, 1, 2, 4, 8, 16, 30, 30])
        #expect(policy.delay(after: 1, chance: 1) == 0.5 && policy.delay(after: 1_000_000, chance: 1) == 15)
        policy.growth = 1
        #expect(policy.delay(after: 100, chance: 0) == 0.5)
        policy.jitter = 1
        let delays = Set((0..<20).map { _ in policy.delay(after: 3) })
        #expect(delays.count > 10 && delays.allSatisfy { (0...0.5).contains($0) })
    }
}
