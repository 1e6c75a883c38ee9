import CApus

/// What one process does: its share of the load.
package nonisolated struct LoadPlan: Sendable {
    package var endpoint: LoadEndpoint
    /// The bytes of one request.
    package var request: [UInt8]
    package var connections = 1
    /// Requests to make; `Int.max` for as many as the duration allows.
    package var requests = Int.max
    /// Nanoseconds; `Int64.max` for as long as the requests take.
    package var duration = Int64.max
    /// Nanoseconds before the measurement begins, with the same load.
    package var warmUp: Int64 = 0
    /// Requests a second; nil for as many as the connections allow.
    package var rate: Double?
    package var arrivals = LoadArrivals.constant
    /// Where the arrivals of this process lie between those of the others, in its own intervals.
    package var arrivalOffset = 0.0
    /// Nanoseconds.
    package var timeout: Int64
    package var pipelineDepth = 1
    package var spoken = LoadProtocol.http
    /// Where a WebSocket is opened, and with which fields beside its own.
    package var url = ""
    package var headers: [HeaderField] = []
    /// What is asked of a server over TLS, whose name is `host` unless that says another; nil without TLS.
    package var tls: LoadTLS?
    package var host = ""
    package var keepsAlive = true
    /// False for HEAD.
    package var responsesHaveBody = true
    /// What is asked, where that is not `request` each time and nothing is looked for in the responses.
    package var visit: VisitPlan?

    /// Nanoseconds within which the connections are opened; 0 for at once.
    package var ramp: Int64 = 0
    /// Nanoseconds for which they are held before the first request; 0 for not at all.
    package var hold: Int64 = 0
    /// Local addresses, and with which of them to begin.
    package var sources: [capus_address] = []
    package var sourceOffset = 0
    package var exchange = LoadExchange.answers
    /// Where the server sends by itself: whether it is sent a message first.
    package var subscribes = false

    package init(endpoint: LoadEndpoint, request: [UInt8], timeout: Int64) {
        self.endpoint = endpoint
        self.request = request
        self.timeout = timeout
    }

    /// A number of requests is to be made, however long it takes.
    var hasRequestCount: Bool { requests != .max }

    /// The same load divided among processes, as evenly as whole connections and requests allow.
    package func divided(among count: Int) -> [LoadPlan] {
        (0..<count).map { index in
            var share = self
            share.connections = Self.share(of: connections, index, count)
            if hasRequestCount { share.requests = Self.share(of: requests, index, count) }
            share.rate = rate.map { $0 / Double(count) }
            share.arrivalOffset = Double(index) / Double(count)
            share.sourceOffset = sourceOffset + index
            share.visit = visit?.share(index, of: count)
            return share
        }
    }

    private static func share(of total: Int, _ index: Int, _ count: Int) -> Int {
        total / count + (index < total % count ? 1 : 0)
    }
}
