import CApus

/// What waits for readiness under an event loop. Both behave alike; the choice is made at run time.
public enum Backend: String, Sendable, CaseIterable {
    /// libevent's event_base, and bufferevents for output that waits.
    case libevent
    /// Raw epoll.
    case epoll

    var poller: capus_backend { self == .epoll ? CAPUS_BACKEND_EPOLL : CAPUS_BACKEND_LIBEVENT }
}
