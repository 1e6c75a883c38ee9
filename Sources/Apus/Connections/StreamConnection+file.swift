import CApus

/// Files leave through `sendfile` where the socket is a plain one or the kernel makes the records of TLS, else in
/// pieces through one buffer of the process. While one is under way `outbound` exists, so that all who look whether
/// output waits see that it does; it then only tells when the socket takes more.
extension StreamConnection {
    /// So much leaves one connection before others have their turn: work of about half a millisecond.
    private var bytesPerTurn: Int { tls == nil ? 2 * 1024 * 1024 : 256 * 1024 }
    private static let pieceBytes = 64 * 1024
    private static let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: pieceBytes)

    var isSendingFile: Bool { extras?.fileOutput != nil }

    /// Sends a file and what belongs to it, behind all that was sent before.
    func send(_ output: FileOutput) -> SendResult {
        if isCorked { uncork() }
        guard state != .closed else { return .failed }
        if outbound == nil {
            guard write(output) else { return .failed }
            if output.count == 0 { return .sent }
            register()
            outbound = loop.makeWatchedOutbound(self, tls: tls)
        }
        guard outbound != nil else {
            destroy()
            return .failed
        }
        moreExtras.fileOutput = output
        return .queued
    }

    /// What was queued before the file is out: goes on with the file. True when all of that is out, too.
    func fileProgressed() -> Bool {
        guard let output = extras?.fileOutput else { return true }
        if let outbound, !capus_outbound_is_watched(outbound) {
            dropOutbound()
            self.outbound = loop.makeWatchedOutbound(self, tls: tls)
            guard self.outbound != nil else {
                destroy()
                return false
            }
        }
        guard write(output), output.count == 0 else { return false }
        extras?.fileOutput = nil
        return true
    }

    /// Keeps bytes that follow a file in order.
    func queue(
        behind output: FileOutput, _ head: UnsafePointer<UInt8>, _ headCount: Int, _ body: UnsafeRawPointer?,
        _ bodyCount: Int
    ) -> SendResult {
        output.append(Array(UnsafeBufferPointer(start: head, count: headCount)))
        output.append(Array(UnsafeRawBufferPointer(start: body, count: body == nil ? 0 : bodyCount)))
        return .queued
    }

    /// Writes what the socket takes in this turn. False when it or the file failed, and the connection is closed.
    private func write(_ output: FileOutput) -> Bool {
        let failure = writeTurn(output)
        guard failure != 0 else { return true }
        // The head has promised more: whatever came now would be taken for the rest of the file. The file is closed
        // before user code hears of it.
        output.drop()
        noteFailedSend(
            failure == Int(CAPUS_NO_DATA) ? "the file became shorter while it was sent" : "client closed")
        destroy()
        return false
    }

    /// Returns 0, CAPUS_NO_DATA when the file has no more, or an errno.
    private func writeTurn(_ output: FileOutput) -> Int {
        var budget = bytesPerTurn
        while budget > 0, let part = output.current {
            let written = write(part, atMost: budget, hasMore: output.count > part.rest.count)
            guard written > 0 else {
                return written == 0 ? Int(CAPUS_NO_DATA) : -written == Int(CAPUS_WOULD_BLOCK) ? 0 : -written
            }
            noteSent(written)
            stamp = shared.pointee.second
            output.advance(written)
            budget -= written
        }
        return 0
    }

    /// As `capus_send`; 0 or CAPUS_NO_DATA when the file has no more.
    private func write(_ part: FileOutput.Part, atMost most: Int, hasMore: Bool) -> Int {
        let count = min(part.rest.count, most)
        switch part.source {
        case .bytes(let bytes):
            return bytes.withUnsafeBytes { bytes in
                let start = bytes.baseAddress! + part.rest.lowerBound
                // What follows at once is to leave in the same packet.
                return hasMore && tls == nil ? capus_send_last(fd, start, count) : write(start, count)
            }
        case .file(let file):
            if tls.map(capus_tls_sends_files) ?? true {
                let sent = capus_send_file(fd, file.fd, Int64(part.rest.lowerBound), count)
                if -sent != Int(CAPUS_NOT_SUPPORTED) { return sent }
            }
            // What a session did not take is offered again from the same place, and is never less then.
            let read = capus_read_at(file.fd, Self.piece, min(count, Self.pieceBytes), part.rest.lowerBound)
            return read > 0 ? write(Self.piece, read) : -Int(CAPUS_NO_DATA)
        }
    }
}
