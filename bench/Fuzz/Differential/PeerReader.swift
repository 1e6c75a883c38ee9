import Peer

/// Reads requests with http-parser.
final class PeerReader {
    private let peer = UnsafeMutablePointer<peer_message>.allocate(capacity: 1)

    func read(_ input: UnsafeBufferPointer<UInt8>, _ message: inout Message) {
        peer_read(input.baseAddress!, input.count, peer)
        message.fields.removeAll(keepingCapacity: true)
        message.trailers.removeAll(keepingCapacity: true)
        switch peer.pointee.outcome {
        case Int32(PEER_INCOMPLETE):
            message.outcome = .incomplete
            return
        case Int32(PEER_REFUSED):
            message.outcome = .refused
            message.error = String(cString: peer.pointee.error)
            return
        default: break
        }
        message.outcome = .complete
        message.method = String(cString: peer.pointee.method)
        message.minorVersion = peer.pointee.major == 1 ? Int(peer.pointee.minor) : -1
        let target = Int(peer.pointee.target)
        message.target = target..<(target + Int(peer.pointee.target_count))
        message.keepsAlive = peer.pointee.keeps_alive != 0
        message.byteCount = peer.pointee.byte_count
        withUnsafeBytes(of: &peer.pointee.fields) { bytes in
            let all = bytes.bindMemory(to: peer_field.self)
            let count = peer.pointee.field_count
            for field in all[..<count] { message.fields.append(Self.ranges(field)) }
            for field in all[count..<(count + peer.pointee.trailer_count)] {
                message.trailers.append(Self.ranges(field))
            }
        }
        message.body = UnsafeRawBufferPointer(start: peer.pointee.body, count: peer.pointee.body_count)
    }

    private static func ranges(_ field: peer_field) -> (name: Range<Int>, value: Range<Int>) {
        let name = Int(field.name)
        let value = Int(field.value)
        return (name..<(name + Int(field.name_count)), value..<(value + Int(field.value_count)))
    }
}
