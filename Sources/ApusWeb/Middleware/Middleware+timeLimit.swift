import Apus

extension Middleware {
    /// Answers 503 when a handler that waits has not answered within `seconds`. Its task is cancelled, and what it
    /// returns after that is dropped; the client does not wait for a handler that pays no heed.
    ///
    /// It ends the waiting of handlers, not their work: one that does not wait holds up the loop, and its timers. A
    /// body that is a stream may take longer: the limit is for the response that holds it.
    public static func timeLimit(_ seconds: Double) -> Middleware {
        precondition(seconds > 0 && seconds.isFinite, "a time limit is a number of seconds, not \(seconds)")
        return Middleware(wrapping: { next in
            guard case .suspending(let handle) = next else { return next }
            return .suspending { request in await TimedCall().response(to: request, within: seconds, handle) }
        })
    }
}
