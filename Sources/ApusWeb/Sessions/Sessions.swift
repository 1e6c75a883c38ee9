public import Apus

/// Gives requests their sessions and saves them with the response:
///
///     let sessions = Sessions(FileSessionStore(folder: "/var/lib/shop/sessions"))
///     server.onMessage = { connection, request in
///         connection.run {
///             connection.send(
///                 try await sessions.respond(to: request) { request in
///                     let session = try await request.session
///                     session["visits", default: 0] += 1
///                     return HTTPResponse(body: "visit \(session["visits", default: 0])")
///                 })
///         }
///     }
///
/// An id that a client brings is used only if the store has a session of that id; otherwise a new one is made, so
/// nobody can plant an id of their choice. A store that fails, fails the requests that ask for a session.
public final class Sessions {
    /// Seconds; dates beyond are no dates to some stores.
    private static let longestLifetime = 100 * 366 * 86_400

    private let store: any SessionStore
    private let options: SessionOptions

    /// Sessions that are kept in `store`.
    public init(_ store: any SessionStore, options: SessionOptions = SessionOptions()) {
        var response = HTTPResponse()
        precondition(
            response.setCookie(options.cookie("id")), "name, path or domain of the session's cookie are invalid")
        precondition((1...Self.longestLifetime).contains(options.lifetime), "sessions live for 1 s to 100 years")
        self.store = store
        self.options = options
    }

    // MARK: Handling requests

    /// Runs a handler in which `request.session` works, and saves the session, if it was asked for, before the response
    /// is returned.
    ///
    /// It is saved with every response that the handler returns, whatever its status, and with an `HTTPError` below 500
    /// that it throws: a refusal is an answer like others. After any other error nothing is saved, as if the request
    /// had not been made.
    public func respond(
        to request: HTTPRequest, _ next: @MainActor (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        let slot = slot(of: request)
        var response: HTTPResponse
        do {
            response = try await next(request)
        } catch let error as HTTPError where error.status.code < 500 {
            guard let session = slot.session else { throw error }
            var headers = error.headers
            announce(try await keep(session), session, &headers)
            throw HTTPError(error.status, error.message, headers: headers)
        }
        if let session = slot.session { try await save(session, to: &response) }
        return response
    }

    /// The session of a request, the same one each time: that which its cookie names, if the store has it, or a new
    /// one.
    public func session(for request: HTTPRequest) async throws -> Session {
        let slot = slot(of: request)
        if let session = slot.session { return session }
        var session: Session?
        if let id = request.cookies[options.cookieName].flatMap(SessionID.inCookie) { session = try await stored(id) }
        // Another task of the handler may have been quicker.
        if let known = slot.session { return known }
        let found = session ?? Session(newID: SessionID.random())
        slot.session = found
        return found
    }

    /// Saves the session of a request, and goes on with the session of an id that the server has chosen: the one in the
    /// store, or a new one without values. Its cookie goes with the response.
    @discardableResult
    public func switchSession(of request: HTTPRequest, to id: String) async throws -> Session {
        guard SessionID.isValid(id) else { throw SessionError.invalidID }
        let earlier = try await session(for: request)
        _ = try await keep(earlier)
        let session = try await stored(id, isAdopted: true) ?? Session(newID: id, isAdopted: true)
        slot(of: request).session = session
        return session
    }

    private func stored(_ id: String, isAdopted: Bool = false) async throws -> Session? {
        guard let data = try await store.read(id) else { return nil }
        guard let values = SessionValues(data) else {
            Worker.log("the entry of a session is not what was written: it is passed over")
            return nil
        }
        return Session(storedID: id, values, isAdopted: isAdopted)
    }

    private func slot(of request: HTTPRequest) -> SessionSlot {
        if let slot = request[SessionSlot.self], slot.sessions === self { return slot }
        let slot = SessionSlot(self)
        request[SessionSlot.self] = slot
        return slot
    }

    // MARK: Saving

    /// Saves a session, if it has changed, and adds its cookie to the response where the client has to know. For
    /// handlers that `respond(to:_:)` does not run.
    ///
    /// A response that depends on a session says `Vary: Cookie`; one with the cookie of a session is kept from shared
    /// caches, which would hand it to others.
    public func save(_ session: Session, to response: inout HTTPResponse) async throws {
        announce(try await keep(session), session, &response.headers)
    }

    private func announce(_ outcome: Outcome, _ session: Session, _ headers: inout HTTPHeaders) {
        SessionCaching.vary(&headers)
        switch outcome {
        case .nothing: return
        case .cookie: headers.add("Set-Cookie", options.cookie(session.id).text)
        case .removal: headers.add("Set-Cookie", options.cookie(nil).text)
        }
        SessionCaching.keepPrivate(&headers)
    }

    /// What the client has to be told.
    private enum Outcome {
        case nothing, cookie, removal
    }

    private func keep(_ session: Session) async throws -> Outcome {
        if let failure = session.failure { throw failure }
        // The handler is done: that its client has gone meanwhile does not undo what it did.
        guard Task.isCancelled else { return try await keepNow(session) }
        return try await Task { try await keepNow(session) }.value
    }

    private func keepNow(_ session: Session) async throws -> Outcome {
        let storedID = session.storedID
        let hasMoved = storedID != session.id
        if session.isEmpty {
            guard let storedID, session.isChanged || session.removesStored else { return .nothing }
            if session.removesStored || !hasMoved { try await store.remove(storedID) }
            session.saved()
            return .removal
        }
        if hasMoved {
            // Written before the old one goes: a failure between them loses nothing.
            _ = try await store.write(session.id, session.values.encoded(), lifetime: options.lifetime, isNew: true)
            if let storedID, session.removesStored { try await store.remove(storedID) }
            session.saved()
            return .cookie
        }
        let isAdopted = session.isAdopted
        let isExtended = try await extend(session)
        session.saved()
        return isAdopted || (isExtended && options.cookieLifetime != nil) ? .cookie : .nothing
    }

    /// False when there was nothing to do, or when the session has gone meanwhile: its client may have another cookie
    /// by now, which this response must not replace.
    private func extend(_ session: Session) async throws -> Bool {
        if session.isChanged {
            let data = try session.values.encoded()
            return try await store.write(session.id, data, lifetime: options.lifetime, isNew: false)
        }
        return options.extendsOnUse ? try await store.touch(session.id, lifetime: options.lifetime) : false
    }
}

/// The session of one request. Refers to no request: see `RequestExtras`.
final class SessionSlot: StorageKey {
    typealias Value = SessionSlot
    let sessions: Sessions
    /// Once somebody has asked for it.
    var session: Session?

    init(_ sessions: Sessions) { self.sessions = sessions }
    nonisolated deinit {}
}

extension HTTPRequest {
    /// The session of the client, in a handler that `Sessions.respond(to:_:)` runs. It is loaded when it is first asked
    /// for; elsewhere this throws `SessionError.noSessions`.
    public var session: Session {
        get async throws {
            guard let slot = self[SessionSlot.self] else { throw SessionError.noSessions }
            return try await slot.sessions.session(for: self)
        }
    }
}
