import CApus

/// What exactly went wrong, small enough to be kept for each kind of error.
package nonisolated struct ErrorCause: Sendable, Equatable {
    /// An errno; a negated code of a `MalformedReason`; 0 for what its kind says already.
    package let code: Int32
    /// What somebody else says about it: OpenSSL, or what looked into the response.
    package var detail: String?

    package static let unspecific = ErrorCause(code: 0)
    /// A connect that was not answered within the timeout.
    package static let noAnswer = ErrorCause(code: -1000)

    package static let noMemory = ErrorCause(code: Int32(CAPUS_NO_MEMORY))

    package init(code: Int32) { self.code = code }
    package init(_ reason: MalformedReason) { code = -Int32(reason.code) }

    /// "Connection refused"; "" when there is no more to say.
    package var text: String {
        if let detail { return detail.withoutControls }
        if code > 0 { return String(cString: capus_error_text(code)) }
        if self == .noAnswer { return "no answer in time" }
        return MalformedReason(code: -Int(code))?.text ?? ""
    }
}
