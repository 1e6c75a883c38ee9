import CCares

/// Reads what name servers answer.
enum DNSReply {
    /// Nil for what cannot be read.
    static func services(_ reply: [UInt8]) -> [DNSService]? {
        var first: UnsafeMutablePointer<ares_srv_reply>?
        guard ares_parse_srv_reply(reply, Int32(reply.count), &first) == ARES_SUCCESS else { return nil }
        defer { ares_free_data(first) }
        return list(first) { record in
            DNSService(
                host: String(cString: record.host), port: Int(record.port), priority: Int(record.priority),
                weight: Int(record.weight))
        } next: {
            $0.next
        }
    }

    static func texts(_ reply: [UInt8]) -> [String]? {
        var first: UnsafeMutablePointer<ares_txt_ext>?
        guard ares_parse_txt_reply_ext(reply, Int32(reply.count), &first) == ARES_SUCCESS else { return nil }
        defer { ares_free_data(first) }
        var texts: [String] = []
        let parts = list(first) { record in
            (
                record.record_start != 0,
                String(decoding: UnsafeBufferPointer(start: record.txt, count: record.length), as: UTF8.self)
            )
        } next: {
            $0.next
        }
        for (isStart, text) in parts {
            if isStart || texts.isEmpty { texts.append(text) } else { texts[texts.count - 1] += text }
        }
        return texts
    }

    static func pointers(_ reply: [UInt8]) -> [String]? {
        var host: UnsafeMutablePointer<hostent>?
        guard ares_parse_ptr_reply(reply, Int32(reply.count), nil, 0, AF_INET, &host) == ARES_SUCCESS, let host else {
            return nil
        }
        defer { ares_free_hostent(host) }
        var names: [String] = []
        var alias = host.pointee.h_aliases
        while let name = alias?.pointee {
            names.append(String(cString: name))
            alias = alias?.advanced(by: 1)
        }
        return names.isEmpty ? [String(cString: host.pointee.h_name)] : names
    }

    private static func list<Record, Value>(
        _ first: UnsafeMutablePointer<Record>?, _ read: (Record) -> Value,
        next: (Record) -> UnsafeMutablePointer<Record>?
    ) -> [Value] {
        var values: [Value] = []
        var current = first
        while let record = current?.pointee {
            values.append(read(record))
            current = next(record)
        }
        return values
    }
}
