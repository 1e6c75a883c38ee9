import Apus

extension Middleware {
    /// Handlers that may wait can use `request.session`. It is saved before the response is sent, unless that answers
    /// an error that is the server's fault (500 and above). See `Sessions.respond(to:_:)`.
    ///
    /// A handler that answers at once can ask for no session, and goes on as without.
    public static func sessions(_ sessions: Sessions) -> Middleware {
        Middleware(wrapping: { next in
            guard case .suspending(let handle) = next else { return next }
            return RequestHandler(suspending: { request in
                do {
                    return try await sessions.respond(to: request) { request in
                        let response = await handle(request)
                        if response.isFailure { throw Failed(response: response) }
                        return response
                    }
                } catch let failed as Failed {
                    return failed.response
                }
            })
        })
    }
}

/// Carries the answer to an error past the sessions, which save nothing then.
private nonisolated struct Failed: Error {
    let response: HTTPResponse
}
