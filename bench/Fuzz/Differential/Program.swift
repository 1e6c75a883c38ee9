import Glibc

/// Compares both readers on `--count` inputs that follow from `--seed`; ends with status 1 when they differ in a way
/// that nobody has explained.
@main
enum Program {
    static func main() {
        let count = number("--count") ?? 1_000_000
        var generator = Generator(seed: UInt64(number("--seed") ?? 1))
        var totals: [Finding: Int] = [:]
        var accepted = 0
        var ours = Message()
        var theirs = Message()
        let reader = Reader()
        let peer = PeerReader()
        var bytes: [UInt8] = []
        for _ in 0..<count {
            generator.make(&bytes)
            guard !bytes.isEmpty, bytes.count < Reader.capacity else { continue }
            let finding = bytes.withUnsafeBufferPointer { input in
                reader.read(input, &ours)
                peer.read(input, &theirs)
                let isDoubtful = ours.outcome == .incomplete && theirs.outcome == .refused
                let isRefusedWhole = isDoubtful && reader.refusesAnyEnd(of: input)
                return Comparison(
                    input: input, ours: ours, peer: theirs, isRefusedWhole: isRefusedWhole
                ).finding
            }
            if case .complete = ours.outcome { accepted += 1 }
            if case .unknown(let difference) = finding, totals[finding] == nil {
                print("UNKNOWN \(difference):\n  \(String(decoding: bytes, as: UTF8.self).debugDescription)")
            }
            totals[finding, default: 0] += 1
        }
        report(count, accepted, totals)
    }

    private static func report(_ count: Int, _ accepted: Int, _ totals: [Finding: Int]) {
        print("\(count) inputs, \(accepted) of them requests to us")
        print("\(totals[.same] ?? 0) read alike")
        for difference in Difference.allCases {
            print("\(totals[.explained(difference)] ?? 0) \(difference.rawValue)")
        }
        var isUnknown = false
        for case (.unknown(let difference), let number) in totals {
            print("\(number) UNKNOWN: \(difference)")
            isUnknown = true
        }
        exit(isUnknown ? 1 : 0)
    }

    private static func number(_ option: String) -> Int? {
        guard let place = CommandLine.arguments.firstIndex(of: option), place + 1 < CommandLine.arguments.count else {
            return nil
        }
        return Int(CommandLine.arguments[place + 1])
    }
}
