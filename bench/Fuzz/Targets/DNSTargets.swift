/// What name servers answer, as c-ares has taken it apart.
func fuzzDNSReplies(_ input: UnsafeRawBufferPointer) {
    let reply = Array(input)
    if let services = DNSReply.services(reply) {
        // A record has 7 bytes at least.
        check(services.count <= reply.count / 7, "\(services.count) services in \(reply.count) bytes")
        check(services.allSatisfy { (0...65535).contains($0.port) }, "\(services)")
    }
    if let texts = DNSReply.texts(reply) {
        check(texts.count <= reply.count, "\(texts.count) texts in \(reply.count) bytes")
        // What is no UTF-8 is replaced by three bytes.
        check(texts.reduce(0) { $0 + $1.utf8.count } <= 3 * reply.count, "\(texts)")
    }
    if let names = DNSReply.pointers(reply) { check(!names.isEmpty, "no name") }
}
