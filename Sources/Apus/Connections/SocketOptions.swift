import CApus

/// Options of TCP sockets. A worker's are those of its listening socket and of the connections it accepts.
public nonisolated struct SocketOptions: Sendable, Hashable {
    /// When a silent peer is asked whether it is still there (TCP keep-alive). It finds peers that vanished, not those
    /// that are there and do nothing.
    public struct KeepAlive: Sendable, Hashable {
        /// Seconds of silence until the first probe.
        public var idle = 55
        /// Seconds between probes.
        public var interval = 10
        /// Probes that stay unanswered until the connection counts as broken.
        public var probes = 5

        /// The peer is given up after `idle + interval * probes` seconds. Probes get lost, and are not sent again: a
        /// single one would end healthy connections, hundreds of thousands of them where all are asked at once.
        public init(idle: Int = 55, interval: Int = 10, probes: Int = 5) {
            self.idle = idle
            self.interval = interval
            self.probes = probes
        }
    }

    /// Small messages leave at once instead of waiting for the acknowledgement of earlier ones (TCP_NODELAY).
    public var noDelay = true
    /// Nil: a peer that vanished is noticed when something is sent to it.
    public var keepAlive: KeepAlive? = KeepAlive()
    /// The first data may travel with the connection request (TCP Fast Open, RFC 7413), if the kernel allows it
    /// (`net.ipv4.tcp_fastopen`). Only for requests that may arrive twice. An outgoing connection does so over TLS, and
    /// when something waits to be sent; that nobody listens there then closes it, without `.connectFailed`.
    public var fastOpen = false
    /// Bytes the kernel holds of what was received; nil lets it adapt them, which is nearly always better.
    public var receiveBufferSize: Int?
    /// Bytes the kernel holds of what is sent; nil lets it adapt them.
    public var sendBufferSize: Int?

    /// The defaults of each property.
    public init() {}

    var native: capus_socket_options {
        capus_socket_options(
            no_delay: noDelay, fast_open: fastOpen, keep_alive_idle: Int32(clamping: keepAlive?.idle ?? 0),
            keep_alive_interval: Int32(clamping: max(1, keepAlive?.interval ?? 1)),
            keep_alive_probes: Int32(clamping: max(1, keepAlive?.probes ?? 1)),
            receive_buffer: Int32(clamping: receiveBufferSize ?? 0), send_buffer: Int32(clamping: sendBufferSize ?? 0))
    }
}
