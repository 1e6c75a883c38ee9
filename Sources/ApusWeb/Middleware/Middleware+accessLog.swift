import Apus

extension Middleware {
    /// Writes a line for each response, errors included. Put it first, so that it sees what the others make of one.
    public static func accessLog(_ log: AccessLog) -> Middleware { accessLog { log.write($0) } }

    /// Calls `note` for each response, as it is about to be sent. The length of a body that is a stream is not known
    /// then.
    public static func accessLog(_ note: @escaping @MainActor (AccessRecord) -> Void) -> Middleware {
        Middleware(after: { request, response in note(AccessRecord(request.connection, request, response)) })
    }
}
