import ApusProtocols
import RequestCases

extension RequestCase {
    /// Reads the case whole, split in two at every position, byte by byte, and between other requests. Returns the
    /// first way in which it is not read as expected.
    func firstDeviation() -> String? {
        let before = RequestBattery.neighbour.bytes
        let memory = GuardedMemory(capacity: bytes.count + 2 * before.count)
        if let fault = deviationAlone(memory) { return fault }
        let other = RequestBattery.neighbour.expected
        if let fault = deviation(memory, before + bytes, [other, expected], "after another request") { return fault }
        guard expected != .incomplete else { return nil }
        let rest = if case .request = expected { [other] } else { [] as [Reading] }
        return deviation(memory, bytes + before, [expected] + rest, "before another request")
            ?? deviation(memory, before + bytes + before, [other, expected] + rest, "between other requests")
    }

    private func deviationAlone(_ memory: GuardedMemory) -> String? {
        // A prefix is never a request, and is refused only as the whole is.
        for count in positions(bytes.count) {
            let readings = memory.read(Array(bytes[..<count]), arrivals: [count], limits: limits)
            if readings != [.incomplete], readings != [expected] || isRequest {
                return "the first \(count) bytes were read as \(readings)"
            }
        }
        return deviation(memory, bytes, [expected], "alone")
    }

    private var isRequest: Bool { if case .request = expected { true } else { false } }

    private func deviation(_ memory: GuardedMemory, _ stream: [UInt8], _ wanted: [Reading], _ how: String) -> String? {
        func check(_ arrivals: some Sequence<Int>, _ pieces: String) -> String? {
            let readings = memory.read(stream, arrivals: arrivals, limits: limits)
            return readings == wanted ? nil : "\(how), \(pieces): \(readings) instead of \(wanted)"
        }
        if let fault = check([stream.count], "whole") { return fault }
        for position in positions(stream.count) {
            if let fault = check([position, stream.count], "split after \(position) bytes") { return fault }
        }
        if stream.count <= Self.longest { return check(1...stream.count, "byte by byte") }
        return check(positions(stream.count) + [stream.count], "in small pieces")
    }

    /// Up to this length every position is tried.
    private static let longest = 2048

    /// Where to split: everywhere; in a long stream near its ends and near each limit, and now and then between.
    private func positions(_ count: Int) -> [Int] {
        guard count > Self.longest else { return Array(1..<max(count, 1)) }
        let special = [0, count, limits.maxHeadBytes, limits.maxMessageBytes, bytes.count]
        return (1..<count).filter { position in position % 97 == 0 || special.contains { abs($0 - position) < 80 } }
    }
}
