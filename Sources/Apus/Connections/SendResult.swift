/// What became of a message that was sent.
public nonisolated enum SendResult: Sendable, Hashable {
    /// All of it is in the kernel's socket buffer. That the peer got it only the application can acknowledge.
    case sent
    /// It waits in memory and leaves as soon as the peer takes it.
    case queued
    /// It was dropped: the connection is closed or closing, the peer is gone, or too much is waiting already.
    case failed
}

/// Why `onError` was called.
public nonisolated enum ConnectionErrorCode: Int, Sendable {
    /// An outgoing connection could not be made; `onClose` follows.
    case connectFailed = 1
    /// A message could not be sent: the peer is gone (`onClose` follows), or the send buffer is full (the message is
    /// dropped and the connection stays). Not for messages that are sent within `onError` itself, to whomever: what
    /// became of those is their result.
    case sendFailed = 2
}

/// Where a connection is in its life.
public nonisolated enum ConnectionState: UInt8, Sendable {
    /// Not connected yet.
    case initial = 0
    /// An outgoing connection is being made.
    case connecting = 1
    /// Messages flow.
    case established = 2
    /// `end` was called: output is flushed, then the peer is given time to finish.
    case ending = 4
    /// `close` was called: output is flushed, then the connection closes.
    case closing = 8
    /// Over.
    case closed = 16
}
