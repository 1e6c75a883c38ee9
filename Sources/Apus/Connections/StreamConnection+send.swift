import ApusProtocols
import CApus

extension StreamConnection {
    /// Whether a message can be accepted at all; counts and reports when it cannot because too much waits.
    @inline(__always)
    func canSend() -> Bool {
        let isEmpty = outbound == nil && (shared.pointee.output.corkedCount == 0 || !isCorked)
        return state == .established && closeKind == .open && isEmpty ? true : canSendMore()
    }

    private func canSendMore() -> Bool {
        guard state == .established || state == .connecting || state == .initial else { return false }
        guard closeKind == .open else { return false }
        let isBegun = state == .established
        let hasRoom = findsRoom()
        // What leaves may end the connection.
        guard state == .established || !isBegun else { return false }
        if !hasRoom { noteFailedSend("send buffer full and drop package") }
        return hasRoom
    }

    /// Whether less waits to be sent than may. What is collected leaves if it does not: it may fit the kernel.
    func findsRoom() -> Bool {
        guard pendingSendBytes >= maxSendBufferSize else { return true }
        if isCorked, outbound == nil { uncork() }
        return pendingSendBytes < maxSendBufferSize
    }

    /// Sends bytes that were rendered at the output buffer's `target`.
    @inline(__always)
    func sendRendered(_ count: Int) -> SendResult {
        if isCorked, outbound == nil {
            shared.pointee.output.corkedCount &+= count
            if shared.pointee.output.isHolding, shared.pointee.output.corkedCount < shared.pointee.output.capacity / 2 {
                return .queued
            }
            return flushCollected()
        }
        return transmit(shared.pointee.output.target, count)
    }

    /// Sends bytes in two pieces, of which the first was rendered at the output buffer's `target`, and the second, of
    /// any size, stays where it is as long as `owner` lives.
    func sendRendered(_ headCount: Int, body: UnsafeRawPointer, _ bodyCount: Int, owner: AnyObject?) -> SendResult {
        if isCorked, outbound == nil {
            let first = shared.pointee.output.corkedCount + headCount
            shared.pointee.output.corkedCount = 0
            return transmit(shared.pointee.output.bytes, first, body, bodyCount, owner)
        }
        return transmit(shared.pointee.output.target, headCount, body, bodyCount, owner)
    }

    /// Sends a message as it is.
    func sendRaw(_ bytes: UnsafeRawBufferPointer, owner: AnyObject? = nil) -> SendResult {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return .sent }
        if isCorked, outbound == nil, bytes.count <= shared.pointee.output.room {
            shared.pointee.output.target.update(from: base.assumingMemoryBound(to: UInt8.self), count: bytes.count)
            return sendRendered(bytes.count)
        }
        return sendRendered(0, body: base, bytes.count, owner: owner)
    }

    // MARK: Collecting the output of one read

    /// Output of this connection is being collected.
    @inline(__always)
    var isCorked: Bool { shared.pointee.output.corked == Unmanaged.passUnretained(self).toOpaque() }

    /// Collects the output of this connection; holds it back while more messages follow in the same read.
    @inline(__always)
    func cork(holding: Bool) {
        shared.pointee.output.corked = Unmanaged.passUnretained(self).toOpaque()
        shared.pointee.output.isHolding = holding
    }

    /// Sends what was collected; the driver is done with this read.
    @inline(__always)
    func uncork() {
        if shared.pointee.output.corkedCount > 0, state != .closed { _ = flushCollected() }
        shared.pointee.output.dropCollected()
    }

    /// Sends what was collected for another connection, whose handler caused this one to be served in between.
    @inline(__always)
    func uncorkOther() {
        guard let other = shared.pointee.output.corked, !isCorked else { return }
        Unmanaged<StreamConnection>.fromOpaque(other).takeUnretainedValue().uncork()
    }

    /// Gives the kernel what was collected, without waiting for it to take it: `send` would have done so before.
    func offerCollected() {
        let count = shared.pointee.output.corkedCount
        if count > 0, outbound == nil, !isSecuring { _ = write(shared.pointee.output.bytes, count) }
        shared.pointee.output.dropCollected()
    }

    private func flushCollected() -> SendResult {
        let count = shared.pointee.output.corkedCount
        shared.pointee.output.corkedCount = 0
        return transmit(shared.pointee.output.bytes, count)
    }

    // MARK: The socket

    /// Tries to send at once and queues the rest.
    @inline(__always)
    func transmit(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> SendResult {
        if outbound == nil, state != .connecting, state != .initial, !isSecuring {
            let sent = write(bytes, count)
            if sent == count {
                noteSent(sent)
                return .sent
            }
            return queueRest(after: sent, bytes, count, nil, 0, nil)
        }
        return queueRest(after: 0, bytes, count, nil, 0, nil)
    }

    private func transmit(
        _ head: UnsafePointer<UInt8>, _ headCount: Int, _ body: UnsafeRawPointer, _ bodyCount: Int, _ owner: AnyObject?
    ) -> SendResult {
        var sent = 0
        if outbound == nil, state != .connecting, state != .initial, !isSecuring {
            sent = write(head, headCount, body, bodyCount)
            if sent == headCount + bodyCount {
                noteSent(sent)
                return .sent
            }
        }
        return queueRest(after: sent, head, headCount, body, bodyCount, owner)
    }

    @inline(__always)
    func noteSent(_ count: Int) {
        bytesWritten &+= count
        shared.pointee.status.pointee.bytes_written &+= UInt64(count)
    }

    /// `sent` is what the kernel took, or a negated errno.
    private func queueRest(
        after sent: Int, _ head: UnsafePointer<UInt8>, _ headCount: Int, _ body: UnsafeRawPointer?, _ bodyCount: Int,
        _ owner: AnyObject?
    ) -> SendResult {
        guard sent >= 0 || -sent == Int(CAPUS_WOULD_BLOCK) else {
            noteFailedSend("client closed")
            destroy()
            return .failed
        }
        let taken = max(0, sent)
        noteSent(taken)
        if outbound == nil {
            if fd < 0 {
                outbound = capus_outbound_create_waiting()
            } else {
                register()
                stamp = shared.pointee.second
                outbound = loop.makeOutbound(self, tls: tls, waits: !isSecuring)
            }
        }
        guard let outbound else { return outOfMemory() }
        if let output = extras?.fileOutput { return queue(behind: output, head, headCount, body, bodyCount) }
        var isHeld = taken >= headCount || capus_outbound_append(outbound, head + taken, headCount - taken) == 0
        if isHeld, let body, bodyCount > 0 {
            isHeld = queueBody(outbound, body, bodyCount, from: max(0, taken - headCount), owner)
        }
        guard isHeld else { return outOfMemory() }
        if capus_outbound_count(outbound) >= maxSendBufferSize { driver.bufferFull(self) }
        return state == .closed ? .failed : .queued
    }

    /// What cannot be held cannot follow: an output with a hole would be taken for a whole one.
    private func outOfMemory() -> SendResult {
        noteFailedSend("no memory for what waits to be sent")
        destroy()
        return .failed
    }

    /// Large bodies with an owner are referred to, the others copied. False when memory is out.
    private func queueBody(
        _ outbound: OpaquePointer, _ body: UnsafeRawPointer, _ count: Int, from start: Int, _ owner: AnyObject?
    ) -> Bool {
        let rest = count - start
        guard rest > 0 else { return true }
        guard let owner, rest >= 4096 else { return capus_outbound_append(outbound, body + start, rest) == 0 }
        // The queue gives the reference back, whether it took the bytes or not.
        return capus_outbound_append_reference(
            outbound, body + start, rest, { _, _, owner in Unmanaged<AnyObject>.fromOpaque(owner!).release() },
            Unmanaged.passRetained(owner).toOpaque()) == 0
    }

    /// The kernel took more of the queue, or refused it.
    func outputProgressed() {
        guard let outbound, fd >= 0 else { return }
        let failure = capus_outbound_flush(outbound)
        let progress = capus_outbound_progress(outbound)
        noteSent(progress)
        // Nothing that leaves is no sign of life, whatever the poller says.
        if progress > 0 { stamp = shared.pointee.second }
        if failure != 0 {
            loop.status.pointee.failed_sends &+= 1
            return destroy()
        }
        if let extras { extras.roomAppeared(pendingSendBytes, of: maxSendBufferSize) }
        guard capus_outbound_count(outbound) == 0, fileProgressed() else { return }
        dropOutbound()
        loop.status.pointee.doing = UInt64(CAPUS_DOING_BUFFER)
        driver.bufferDrained(self)
        guard self.outbound == nil else { return }
        switch closeKind {
        case .afterFlush: destroy()
        case .linger where state == .ending: startLinger()
        case .halfClose: shutDownOutput()
        default: continueDelivery()
        }
    }

    func dropOutbound() {
        guard let outbound else { return }
        self.outbound = nil
        let failure = capus_outbound_destroy(outbound)
        if failure != 0 { loop.watchingFailed(self, UInt32(CAPUS_READ), failure) }
    }

    func noteFailedSend(_ message: String) {
        loop.status.pointee.failed_sends &+= 1
        // Who answers a failure with a message, to whomever, may make the next one: that is known by its result alone.
        guard !loop.isReportingFailedSend else { return }
        loop.isReportingFailedSend = true
        loop.status.pointee.doing = UInt64(CAPUS_DOING_ERROR)
        driver.failed(self, .sendFailed, message)
        loop.isReportingFailedSend = false
    }
}
