import Apus
import Testing

@testable import ApusWeb

/// How often clients may ask.
@Suite struct RateLimitMiddlewareTests {
    private final class Clock {
        var now: Int64 = 1_000_000_000
        func advance(_ seconds: Double) { now += Int64(seconds * 1e9) }
    }

    private let clock = Clock()

    private func limiter(_ requests: Int, per seconds: Double, burst: Int, mostRecent: Int = 100) -> RateLimiter {
        RateLimiter(requests: requests, per: seconds, burst: burst, mostRecent: mostRecent) { [clock] in clock.now }
    }

    @Test func aBucketIsEmptiedAndFillsAgain() {
        let limiter = limiter(2, per: 10, burst: 3)
        #expect((0..<3).allSatisfy { _ in limiter.take("a") == nil })
        #expect(limiter.take("a") == 5 && limiter.take("a") == 5, "what is refused takes nothing")
        #expect(limiter.take("b") == nil)
        clock.advance(3.5)
        #expect(limiter.take("a") == 2)
        clock.advance(1.5)
        #expect(limiter.take("a") == nil && limiter.take("a") == 5)
        clock.advance(1000)
        #expect((0..<3).allSatisfy { _ in limiter.take("a") == nil })
        #expect(limiter.take("a") == 5)
    }

    @Test func aFloodOfClientsTakesBoundedMemory() {
        let limiter = limiter(1, per: 1000, burst: 1)
        #expect(limiter.take("busy") == nil)
        for number in 0..<1000 {
            #expect(limiter.take("client \(number)") == nil)
            // Who goes on asking is not forgotten.
            if number % 50 == 0 { #expect(limiter.take("busy") != nil) }
        }
        #expect(limiter.count <= 200)
    }

    @Test func theAnswerSaysWhenToComeBack() async {
        let limiter = limiter(1, per: 30, burst: 1)
        let probe = RouterProbe(.rateLimit(limiter) { $0.headers["X-Key"] }) { _ in HTTPResponse() }
        #expect(probe.isImmediate("GET /"))
        #expect(await probe.answer("GET /", "X-Key: a").status == .ok)
        let refused = await probe.answer("GET /", "X-Key: a")
        #expect(refused.status == .tooManyRequests && refused.headers["Retry-After"] == "30")
        #expect(await probe.answer("GET /", "X-Key: b").status == .ok)
        for _ in 0..<3 { #expect(await probe.answer("GET /").status == .ok) }
    }

    @Test func oneNetworkIsOneClient() {
        let name = { ClientNetwork.name(of: $0) }
        #expect(name("192.0.2.1") == "192.0.2.1" && name("") == "")
        #expect(name("2001:db8:0:1::1") == name("2001:db8:0:1:ffff::") && name("::1") == "0:0:0:0:0:0:0:0")
        #expect(name("2001:db8:0:1::1") != name("2001:db8:0:2::1"))
    }
}
