import Apus
public import ApusProtocols

/// Messages and acknowledgements that take effect together, or not at all. Made by `STOMPClient.begin`.
///
/// When the session ends the broker aborts it, and everything that is asked of it from then on fails with
/// `STOMPError.transactionOver`.
public final class STOMPTransaction {
    /// What the broker knows it by.
    public let id: String
    private weak var client: STOMPClient?
    private let session: Int
    private var isOver = false

    init(id: String, client: STOMPClient) {
        self.id = id
        self.client = client
        session = client.session
    }

    nonisolated deinit {}

    /// Whether something can still be added.
    public var isOpen: Bool { !isOver && client?.state == .established && client?.session == session }

    /// Adds a message. False when it was not sent, for which `onError` gets the reason.
    @discardableResult
    public func send(
        _ body: some STOMPBody, to destination: String, headers: STOMPHeaders = [:]
    ) -> Bool {
        guard let client else { return false }
        guard isOpen else {
            client.report(STOMPError.transactionOver)
            return false
        }
        var headers = headers
        headers["transaction"] = id
        return client.send(body, to: destination, headers: headers)
    }

    /// Lets all of it take effect; returns when the broker has confirmed that. Throws `STOMPError`.
    public func commit() async throws { try await PendingResult.wait { end("COMMIT", $0) } }

    /// Lets all of it take effect; `done` is called when the broker has confirmed that, or with an error.
    public func commit(_ done: @escaping @MainActor (STOMPError?) -> Void) { end("COMMIT", done) }

    /// Takes all of it back; returns when the broker has confirmed that. Throws `STOMPError`.
    public func abort() async throws { try await PendingResult.wait { end("ABORT", $0) } }

    /// Takes all of it back; `done` is called when the broker has confirmed that, or with an error.
    public func abort(_ done: @escaping @MainActor (STOMPError?) -> Void) { end("ABORT", done) }

    private func end(_ command: String, _ done: @escaping @MainActor (STOMPError?) -> Void) {
        guard isOpen, let client else { return done(.transactionOver) }
        do throws(STOMPError) {
            try client.sendFrame(STOMPFrame(command, ["transaction": id]), confirmed: done)
            isOver = true
        } catch {
            done(error)
        }
    }

    func openID() throws(STOMPError) -> String {
        guard isOpen else { throw .transactionOver }
        return id
    }
}
