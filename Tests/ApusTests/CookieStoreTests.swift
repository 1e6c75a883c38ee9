import Apus
import ApusProtocols
import Testing

@testable import ApusClient

@Suite struct `Cookies of servers` {
    private func count(_ store: HTTPCookieStore, _ url: HTTPURL) -> Int {
        store.field(for: url)?.split(separator: "; ").count ?? 0
    }

    @Test func `are so many, of one and of all`() throws {
        let store = HTTPCookieStore()
        let url = try HTTPURL("http://h.example/")
        for number in 0..<60 { store.take(["Set-Cookie": "c\(number)=1"], from: url) }
        #expect(count(store, url) == 50)
        #expect(store.field(for: url)?.hasPrefix("c10=1; c11=1") == true)
        let others = try (0..<100).map { try HTTPURL("http://h\($0).example/") }
        for other in others {
            for number in 0..<50 { store.take(["Set-Cookie": "c\(number)=1"], from: other) }
        }
        // The oldest have gone.
        #expect(others.reduce(count(store, url)) { $0 + count(store, $1) } == 3000)
        #expect(count(store, url) == 0 && count(store, others[99]) == 50)
    }
}
