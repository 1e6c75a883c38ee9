import ApusProtocols
import CApus

/// What one connection is as a visitor: the requests that it has asked, the cookies that it was given, and what it
/// looks for in the responses. Only connections whose requests are not all the same have one.
nonisolated final class Visitor: HTTPResponseObserver {
    /// What a response means.
    enum Verdict {
        case answered
        /// It is not what was expected.
        case unexpected(String)
        /// The request goes on, to where the server has pointed.
        case redirected
    }

    private struct Pending {
        let start: Int
        let responseHasBody: Bool
        /// Bytes without the framing of their protocol.
        let count: Int
    }

    private static let mostBodyBytes = 16 << 20

    private let plan: VisitPlan
    private let spoken: LoadProtocol
    private let isSecure: Bool
    private let makeScenario: (() -> any LoadScenario)?
    private var scenario: (any LoadScenario)?
    private var jar = CookieJar()
    private var parts = RequestParts()
    private var redirects = 0

    /// The requests that are to be answered, one behind the other.
    private var bytes: [UInt8] = []
    private var pending: [Pending] = []
    private var answered = 0

    // Of the response that is being read.
    private var search: BodySearch?
    private var location: String?
    private var headers: [(name: String, value: String)] = []
    private var body: [UInt8] = []
    /// The last one, for the scenario.
    private var response: LoadResponse?

    init(_ plan: VisitPlan, _ spoken: LoadProtocol, isSecure: Bool, _ makeScenario: (() -> any LoadScenario)?) {
        self.plan = plan
        self.spoken = spoken
        self.isSecure = isSecure
        self.makeScenario = makeScenario
        search = plan.expectation.body.map(BodySearch.init)
    }

    nonisolated deinit {}

    // MARK: Requests

    /// The request has been answered, with where to go instead.
    var isRedirected: Bool { redirects > 0 }
    /// Bytes of the requests that are to be answered.
    var byteCount: Int { bytes.count }
    /// Whether the next response can have a body.
    var responseHasBody: Bool { answered < pending.count ? pending[answered].responseHasBody : true }
    /// How many bytes a server sends back that repeats what it is sent.
    var echoCount: Int { answered < pending.count ? pending[answered].count : 0 }

    /// Makes so many requests, in the place of the ones before.
    func ask(_ count: Int, _ mix: inout RequestMix?) {
        bytes.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
        answered = 0
        redirects = 0
        for _ in 0..<count {
            if let makeScenario { nextOfScenario(makeScenario) } else { mix?.next(&parts) }
            write()
        }
    }

    private func nextOfScenario(_ makeScenario: () -> any LoadScenario) {
        var request = scenario?.next(after: response)
        if request == nil {
            scenario = makeScenario()
            jar = CookieJar()
            request = scenario?.next(after: nil)
        }
        guard let request else { preconditionFailure("a visit begins with a request: LoadScenario.next gave none") }
        response = nil
        parts = RequestParts(request, authority: plan.authority, keepsAlive: plan.keepsAlive)
    }

    private func write() {
        let start = bytes.count
        if spoken == .http {
            let cookies = plan.keepsCookies ? jar.field(for: String(decoding: parts.path, as: UTF8.self)) : ""
            parts.append(to: &bytes, cookies: cookies)
        } else {
            LoadMessage.append(parts.body ?? [], spoken, to: &bytes)
        }
        pending.append(
            Pending(start: start, responseHasBody: parts.responseHasBody, count: bytes.count - start))
    }

    /// Forgets the requests that are answered, so that the others can be sent again on another connection.
    func rewind() {
        forgetResponse()
        guard answered > 0, answered < pending.count else { return }
        let start = pending[answered].start
        bytes.removeFirst(start)
        pending = pending[answered...].map {
            Pending(start: $0.start - start, responseHasBody: $0.responseHasBody, count: $0.count)
        }
        answered = 0
    }

    /// The requests have failed, and the visit with them.
    func giveUp() {
        scenario = nil
        response = nil
    }

    /// Hands what has not been sent to `body`, which returns how much of it has.
    @inline(__always)
    func withBytes(from sent: Int, _ body: (UnsafePointer<UInt8>, Int) -> Int) -> Int {
        bytes.withUnsafeBufferPointer { body($0.baseAddress! + sent, $0.count - sent) }
    }

    // MARK: Responses

    /// A message has come back.
    func noteEcho() { answered += 1 }

    private var looksAtFields: Bool { plan.keepsCookies || plan.mostRedirects > 0 || makeScenario != nil }

    func head(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        guard looksAtFields else { return }
        let head = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
        for line in head.utf8.split(separator: 0x0A).dropFirst() {
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            let name = String(line[..<colon]) ?? ""
            var value = line[line.index(after: colon)...].drop { $0 == 0x20 || $0 == 0x09 }
            while let last = value.last, last == 0x0D || last == 0x20 || last == 0x09 { value.removeLast() }
            note(name, String(value) ?? "")
        }
    }

    private func note(_ name: String, _ value: String) {
        if makeScenario != nil { headers.append((name, value)) }
        switch name.lowercased() {
        case "set-cookie" where plan.keepsCookies:
            let now = HTTPTime(seconds: capus_wall_ns() / 1_000_000_000)
            jar.take(value, requestPath: String(decoding: parts.path, as: UTF8.self), now: now)
        case "location": location = value
        default: break
        }
    }

    func body(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        search?.read(bytes, count)
        guard makeScenario != nil else { return }
        let room = min(count, Self.mostBodyBytes - body.count)
        if room > 0 { body += UnsafeBufferPointer(start: bytes, count: room) }
    }

    /// What the response means that has been read to its end.
    func conclude(_ status: UInt16) -> Verdict {
        defer { forgetResponse() }
        if plan.mostRedirects > 0, [301, 302, 303, 307, 308].contains(status), let location {
            return redirect(to: location, status)
        }
        answered += 1
        if makeScenario != nil { response = LoadResponse(status: status, headers: headers, body: body) }
        guard plan.expectation.allows(status) else { return unexpected("status \(status)") }
        guard search?.isFound != false else { return unexpected("the body is not as expected") }
        return .answered
    }

    private func unexpected(_ reason: String) -> Verdict {
        giveUp()
        return .unexpected(reason)
    }

    private func redirect(to location: String, _ status: UInt16) -> Verdict {
        let path = String(decoding: parts.path, as: UTF8.self)
        let target = RedirectTarget(location, from: path, authority: plan.authority, isSecure: isSecure)
        redirects += 1
        guard case .path(let next) = target, redirects <= plan.mostRedirects else {
            answered += 1
            if redirects > plan.mostRedirects { return unexpected("more than \(plan.mostRedirects) redirects") }
            return unexpected("a redirect to another server")
        }
        parts.redirect(to: Array(next.utf8), status: status)
        bytes.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
        write()
        return .redirected
    }

    private func forgetResponse() {
        location = nil
        search?.restart()
        headers.removeAll(keepingCapacity: true)
        body.removeAll(keepingCapacity: true)
    }
}
