import ApusProtocols

/// The body of a request that is handed on as it arrives. The connection has it until the body is complete.
///
/// Bytes are taken from the connection only while somebody wants them. The others stay where they are, and when there
/// are too many of them the connection stops reading, which slows the client down.
final class BodyIntake {
    private enum Framing {
        /// So many bytes are still to come.
        case length(Int)
        case chunked(HTTPChunkedDecoder)
    }

    enum Progress {
        case arriving
        case complete
        /// No more will come.
        case failed(any Error)
    }

    private static let maxTrailerBytes = 16 * 1024
    private static let mostSkippedBytes = 64 * 1024

    private let transport: StreamConnection
    private var framing: Framing
    private(set) var progress = Progress.arriving
    private var sink: (any BodySink)?
    /// The client sends the body when it is asked to (RFC 9110 §10.1.1).
    var awaitsContinue = false
    private var waiter: UnsafeContinuation<Void, Never>?
    /// The client has sent its last byte.
    private var isCutOff = false
    /// The request was answered: what nobody takes when it arrives is dropped.
    private var isSkipped = false
    /// Some bytes were dropped.
    private var hasGaps = false
    /// What was read behind a chunked body: fields, and the empty line.
    private var trailers: [UInt8] = []
    /// The fields behind a chunked body, as they were sent.
    var trailerLines: [UInt8] { trailers.dropLast(2) }

    /// A body of a length that the head announces.
    init(_ transport: StreamConnection, length: Int) {
        self.transport = transport
        framing = .length(length)
    }

    /// A chunked body.
    init(_ transport: StreamConnection, maxBytes: Int) {
        self.transport = transport
        framing = .chunked(HTTPChunkedDecoder(bodyStart: 0, maxMessageBytes: maxBytes))
    }

    // MARK: From the driver

    /// Takes what is wanted of the bytes, and returns how many are done with.
    func receive(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var used = 0
        while used < count, transport.http.wantsBody, case .arriving = progress {
            used += take(bytes + used, count - used)
        }
        if isCutOff, used == count { cutOff() }
        return used
    }

    private func take(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        switch framing {
        case .length(let missing):
            let piece = min(missing, count)
            framing = .length(missing - piece)
            hand(UnsafeRawBufferPointer(start: bytes, count: piece))
            if piece == missing { finish() }
            return piece
        case .chunked(var decoder):
            let outcome = decoder.decode(bytes, count: count)
            let used = decoder.readOffset
            if decoder.bodyCount > 0 { hand(UnsafeRawBufferPointer(start: bytes, count: decoder.bodyCount)) }
            trailers += UnsafeBufferPointer(start: bytes + decoder.trailerStart, count: decoder.trailerCount)
            decoder.rebase()
            framing = .chunked(decoder)
            if trailers.count > Self.maxTrailerBytes {
                refuse(.headerFieldsTooLarge)
                return used
            }
            switch outcome {
            case .complete: finish()
            case .invalid(let error): refuse(HTTPStatus(error))
            case .incomplete: break
            }
            return used
        }
    }

    private func hand(_ bytes: UnsafeRawBufferPointer) {
        guard let sink else {
            hasGaps = true
            return
        }
        do {
            try sink.take(bytes)
        } catch {
            return fail(error)
        }
        guard !sink.wantsMore else { return }
        leave()
        resume()
    }

    /// There is no sink any more.
    private func leave() {
        sink = nil
        transport.http.wantsBody = isSkipped
    }

    private func finish() {
        guard case .arriving = progress else { return }
        end(.complete)
        transport.http.streamsBody = false
        resume()
    }

    /// What follows in the connection cannot be trusted.
    private func refuse(_ status: HTTPStatus) {
        transport.http.keepsAlive = false
        fail(HTTPError(status))
    }

    /// No more comes of the body.
    func fail(_ error: any Error) {
        guard case .arriving = progress else { return }
        // What is left of the body must not be taken for a request.
        transport.http.keepsAlive = false
        end(.failed(error))
        resume()
        // The answer is out, and what was skipped has not come to its end.
        if transport.http.phase == .none { transport.close() }
    }

    private func end(_ progress: Progress) {
        self.progress = progress
        sink = nil
        transport.http.wantsBody = false
        transport.extras?.bodyIntake = nil
    }

    /// The client has sent its last byte: what is held is all there is.
    func peerFinished() {
        isCutOff = true
        if transport.partial.count == 0 { cutOff() }
    }

    private func cutOff() { fail(HTTPError(.badRequest, "the body is not complete")) }

    // MARK: From whoever takes the body

    /// Gives `sink` what arrives until it wants no more, or the body has ended. Throws what the sink threw, or why the
    /// body is not complete.
    func fill(_ sink: any BodySink) async throws {
        precondition(waiter == nil, "the body of a request is taken by one reader at a time")
        if hasGaps { throw HTTPError(.badRequest, "a part of the body came when the request was answered already") }
        if case .arriving = progress {
            self.sink = sink
            transport.http.wantsBody = true
            askForBody()
            transport.continueDelivery()
            while isFilling(sink), !Task.isCancelled { await wait(for: sink) }
            if case .arriving = progress {
                if self.sink === sink { leave() }
                try Task.checkCancellation()
            }
        }
        if case .failed(let error) = progress { throw error }
    }

    /// The sink wants more, and more may come.
    private func isFilling(_ sink: any BodySink) -> Bool {
        guard case .arriving = progress else { return false }
        return self.sink === sink
    }

    /// A client that waits for it is told that its body is wanted, unless that is on its way.
    private func askForBody() {
        guard awaitsContinue else { return }
        awaitsContinue = false
        if transport.partial.count == 0, transport.http.phase == .due { transport.sendContinue() }
    }

    private func wait(for sink: any BodySink) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                // A task may have been suspended on its way to here.
                guard isFilling(sink), !Task.isCancelled else { return continuation.resume() }
                waiter = continuation
            }
        } onCancel: {
            EventLoop.soon { self.resume() }
        }
    }

    private func resume() {
        let waiter = waiter
        self.waiter = nil
        waiter?.resume()
    }

    // MARK: Unread bodies

    /// So little is left that it costs less than a new connection.
    var isWorthSkipping: Bool {
        guard !awaitsContinue else { return false }
        return if case .length(let missing) = framing { missing <= Self.mostSkippedBytes } else { false }
    }

    /// The request was answered. The rest is for who goes on to read, as long as somebody does: the next request must
    /// not have to wait for that.
    func skip() {
        isSkipped = true
        transport.http.wantsBody = true
    }
}

/// Takes the bytes of a body while they arrive. They are valid during the call only.
protocol BodySink: AnyObject {
    func take(_ bytes: UnsafeRawBufferPointer) throws
    /// False once it has what it was made for.
    var wantsMore: Bool { get }
}
