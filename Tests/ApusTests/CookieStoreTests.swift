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

    @Test func `are only for TLS where their names say so`() throws {
        let url = try HTTPURL("https://h.example/a/b")
        for (field, isTaken) in [
            ("__Secure-a=1; Secure", true), ("__Secure-a=1", false), ("__SECURE-a=1", false),
            ("__Secure-a=1; Secure; Domain=h.example", true), ("__Secure-=1; Secure", true), ("__Secure=1", true),
            ("__Host-a=1; Secure; Path=/", true), ("__Host-a=1; Path=/", false), ("__host-a=1; Path=/", false),
            ("__Host-a=1; Secure; Path=/a", false), ("__Host-a=1; Secure", false),
            ("__Host-a=1; Secure; Path=/; Domain=h.example", false), ("__Host=1", true), ("a=1", true),
        ] {
            let store = HTTPCookieStore()
            store.take(["Set-Cookie": field], from: url)
            #expect(count(store, url) == (isTaken ? 1 : 0), "\(field)")
            store.take(["Set-Cookie": field], from: try HTTPURL("http://other.example/a/b"))
            let isForAll = !field.contains("; Secure") && isTaken
            #expect(count(store, try HTTPURL("http://other.example/a/b")) == (isForAll ? 1 : 0), "\(field)")
        }
    }

    /// Who can answer over plain HTTP in the place of a server neither replaces nor removes what it has given over TLS.
    @Test func `are not replaced over plain HTTP where they are for TLS`() throws {
        let (plain, secured) = (try HTTPURL("http://a.h.example/x/y"), try HTTPURL("https://a.h.example/x/y"))
        let given = ["s=1; Secure; Path=/x", "d=1; Secure; Domain=h.example; Path=/", "p=1; Path=/"]
        for field in [
            "s=2; Path=/x", "s=2; Path=/x/y", "s=2", "s=; Path=/x; Max-Age=0", "s=2; Domain=h.example; Path=/x",
            "s=2; Domain=a.h.example; Path=/x", "d=2; Path=/", "d=2", "d=2; Domain=h.example; Path=/; Max-Age=-1",
            "d=2; Domain=h.example; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "s=2; Secure; Path=/x",
        ] {
            let store = HTTPCookieStore()
            for cookie in given { store.take(["Set-Cookie": cookie], from: secured) }
            store.take(["Set-Cookie": field], from: plain)
            #expect(store.field(for: secured) == "s=1; d=1; p=1", "\(field)")
            #expect(store.field(for: plain) == "p=1", "\(field)")
        }
        // What is for others, for another path above, or not for TLS alone.
        let store = HTTPCookieStore()
        for cookie in given { store.take(["Set-Cookie": cookie], from: secured) }
        for field in ["p=2; Path=/", "s=3; Path=/", "S=4; Path=/x"] { store.take(["Set-Cookie": field], from: plain) }
        store.take(["Set-Cookie": "d=5; Path=/"], from: try HTTPURL("http://h.other.example/"))
        #expect(store.field(for: plain) == "S=4; p=2; s=3")
        #expect(store.field(for: secured) == "s=1; S=4; d=1; p=2; s=3")
        #expect(store.field(for: try HTTPURL("http://h.other.example/")) == "d=5")
        // The server itself may do so.
        store.take(["Set-Cookie": "s=6; Path=/x"], from: secured)
        #expect(store.field(for: plain)?.contains("s=6") == true)
    }

    /// Nor do so many cookies that no room is left.
    @Test func `for TLS are driven out by none that are not`() throws {
        let store = HTTPCookieStore()
        let (plain, secured) = (try HTTPURL("http://h.example/"), try HTTPURL("https://h.example/"))
        store.take(["Set-Cookie": "s=1; Secure"], from: secured)
        for number in 0..<60 { store.take(["Set-Cookie": "c\(number)=1"], from: plain) }
        #expect(count(store, secured) == 50 && store.field(for: secured)?.hasPrefix("s=1; c11=1; ") == true)
        for number in 0..<60 { store.take(["Set-Cookie": "t\(number)=1; Secure"], from: secured) }
        #expect(count(store, plain) == 0 && count(store, secured) == 50)
    }
}
