import CZeroMQ

extension ZMQSocketType {
    var number: Int32 {
        switch self {
        case .push: ZMQ_PUSH
        case .pull: ZMQ_PULL
        case .pub: ZMQ_PUB
        case .sub: ZMQ_SUB
        case .req: ZMQ_REQ
        case .rep: ZMQ_REP
        case .dealer: ZMQ_DEALER
        case .router: ZMQ_ROUTER
        }
    }

    var sends: Bool {
        switch self {
        case .pull, .sub: false
        default: true
        }
    }

    var receives: Bool {
        switch self {
        case .push, .pub: false
        default: true
        }
    }
}

extension ZMQHandle {
    func apply(_ options: ZMQOptions, _ type: ZMQSocketType) throws(ZMQError) {
        try set(ZMQ_SNDHWM, "sendHighWaterMark", Int32(clamping: options.sendHighWaterMark))
        try set(ZMQ_RCVHWM, "receiveHighWaterMark", Int32(clamping: options.receiveHighWaterMark))
        try set(ZMQ_MAXMSGSIZE, "maxPartBytes", Int64(options.maxPartBytes))
        // Never without end: the end of the process would wait for it.
        try set(ZMQ_LINGER, "linger", Self.milliseconds(options.linger))
        try set(ZMQ_RECONNECT_IVL, "reconnectInterval", max(1, Self.milliseconds(options.reconnectInterval)))
        try set(ZMQ_RECONNECT_IVL_MAX, "maxReconnectInterval", Self.milliseconds(options.maxReconnectInterval))
        try set(ZMQ_CONNECT_TIMEOUT, "connectTimeout", Self.milliseconds(options.connectTimeout))
        try set(ZMQ_HANDSHAKE_IVL, "handshakeTimeout", max(1, Self.milliseconds(options.handshakeTimeout)))
        try set(ZMQ_IMMEDIATE, "onlyConnectedPeers", options.onlyConnectedPeers ? 1 : Int32(0))
        if let seconds = options.heartbeat {
            try set(ZMQ_HEARTBEAT_IVL, "heartbeat", max(1, Self.milliseconds(seconds)))
            try set(ZMQ_HEARTBEAT_TIMEOUT, "heartbeat", max(1, Self.milliseconds(seconds * 2)))
        }
        if let identity = options.identity { try set(ZMQ_ROUTING_ID, "identity", identity) }
        switch type {
        case .router: try set(ZMQ_ROUTER_MANDATORY, "router", Int32(1))
        case .req:
            // A request that was given up does not block the next one, and its reply is not taken for another's.
            try set(ZMQ_REQ_RELAXED, "req", Int32(1))
            try set(ZMQ_REQ_CORRELATE, "req", Int32(1))
        default: break
        }
    }

    private static func milliseconds(_ seconds: Double) -> Int32 { Int32(max(0, min(seconds, 86_400)) * 1000) }
}
