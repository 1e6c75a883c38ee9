/// A server of a protocol of its own over TCP, with its codec.
nonisolated enum TCPTemplate {
    static let files = [
        ProjectFile("Sources/{{module}}/Server.swift", server),
        ProjectFile("Sources/{{module}}/CalculatorProtocol.swift", codec),
        ProjectFile("Sources/{{module}}/PacketMessage.swift", message),
        ProjectFile("Sources/{{module}}/Calculation.swift", calculation),
        ProjectFile("Sources/{{module}}/Outcome.swift", outcome),
        ProjectFile("Tests/{{module}}Tests/CalculationTests.swift", calculationTests),
        ProjectFile("Tests/{{module}}Tests/CalculatorProtocolTests.swift", codecTests),
        ProjectFile("Tests/{{module}}Tests/ServerTests.swift", serverTests),
    ]

    static let trial = ##"""
        # In bash: 2 + 3, two numbers of four bytes behind a length of two and an operation.
        exec 3<>/dev/tcp/127.0.0.1/8080
        printf '\0\11+\0\0\0\2\0\0\0\3' >&3
        head -c 7 <&3 | od -An -tx1    # 00 05 00 00 00 00 05
        """##

    private static let server = ##"""
        import Apus

        /// Sets up the service. It runs in the master and again in each worker process, and only configures: clients of
        /// other servers, files and timers belong into `onWorkerStart`.
        public func setUp(_ settings: Settings) {
            // TERM, which service managers and containers send, lets what has begun be finished, in half a minute at
            // most. Ctrl-C and the command `stop` wait for two seconds.
            Worker.sigtermIsGraceful = true
            Worker.gracefulTimeout = 30

            let server = Worker(CalculatorProtocol<Calculation, Outcome>(), on: settings.listen)
            server.name = "{{name}}"
            server.count = settings.workers
            // A client that says nothing for so long is gone, or should be.
            server.limits.idleTimeout = 300
            server.onMessage = { connection, calculation in connection.send(calculation.outcome) }
        }
        """##

    private static let codec = ##"""
        import Apus

        /// Packets of a length, in two bytes of which the more significant one comes first, and as many bytes behind
        /// it.
        ///
        /// A server receives what a client sends, and the other way round, hence the two types of messages.
        nonisolated struct CalculatorProtocol<Received: PacketMessage, Sent: PacketMessage>: PacketProtocol {
            typealias Inbound = Received
            typealias Outbound = Sent

            /// Of the length that stands in front.
            private static var headCount: Int { 2 }
            /// What a message may have. An honest client stays far below it; another one gets no more memory than that.
            static var maxCount: Int { 4096 }

            /// What `status` calls it, and what may stand before `://` in an address.
            var name: String { "calculator" }
            /// The client asks first.
            var clientSpeaksFirst: Bool { true }

            func frame(_ bytes: UnsafeRawBufferPointer) -> FrameLength {
                guard bytes.count >= Self.headCount else { return .needMore }
                let count = Int(bytes[0]) << 8 | Int(bytes[1])
                guard (1...Self.maxCount).contains(count) else { return .invalid("a message of \(count) bytes") }
                return .length(Self.headCount + count)
            }

            func decode(_ packet: UnsafeRawBufferPointer) throws -> Received {
                try Received(bytes: Array(packet.dropFirst(Self.headCount)))
            }

            func encode(_ message: Sent, into packet: inout [UInt8]) throws {
                let bytes = message.bytes
                guard (1...Self.maxCount).contains(bytes.count) else {
                    throw PacketError("a message of \(bytes.count) bytes cannot be sent")
                }
                packet += [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
            }
        }
        """##

    private static let message = ##"""
        /// What a packet carries.
        nonisolated protocol PacketMessage: Sendable {
            /// Reads it. What is thrown ends the connection, with a line in the log.
            init(bytes: [UInt8]) throws
            /// Without the length that stands in front of it.
            var bytes: [UInt8] { get }
        }

        /// Bytes that are no message.
        nonisolated struct PacketError: Error, Equatable, CustomStringConvertible {
            let description: String

            init(_ description: String) { self.description = description }
        }

        nonisolated extension [UInt8] {
            /// The bytes of numbers, of which the most significant one comes first.
            init(_ numbers: [Int32]) {
                self = numbers.flatMap { number in
                    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
                }
            }

            /// The numbers that the bytes are; nil when some are left.
            var numbers: [Int32]? {
                guard count.isMultiple(of: 4) else { return nil }
                return stride(from: 0, to: count, by: 4).map { start in
                    Int32(bitPattern: self[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
                }
            }
        }
        """##

    private static let calculation = ##"""
        /// What a client asks: an operation, in one byte, and numbers of four bytes each.
        nonisolated struct Calculation: PacketMessage, Equatable {
            enum Operation: UInt8 {
                case add = 0x2B  // +
                case multiply = 0x2A  // *
            }

            var operation: Operation
            var numbers: [Int32]

            init(_ operation: Operation, _ numbers: [Int32]) {
                self.operation = operation
                self.numbers = numbers
            }

            init(bytes: [UInt8]) throws {
                guard let first = bytes.first, let operation = Operation(rawValue: first) else {
                    throw PacketError("there is no operation \(bytes.first ?? 0)")
                }
                guard let numbers = Array(bytes.dropFirst()).numbers else { throw PacketError("half a number") }
                self.init(operation, numbers)
            }

            var bytes: [UInt8] { [operation.rawValue] + [UInt8](numbers) }

            /// What comes of it.
            var outcome: Outcome {
                var result: Int32 = operation == .add ? 0 : 1
                for number in numbers {
                    let (next, overflows) =
                        switch operation {
                        case .add: result.addingReportingOverflow(number)
                        case .multiply: result.multipliedReportingOverflow(by: number)
                        }
                    if overflows { return .failure("the result is too large") }
                    result = next
                }
                return .value(result)
            }
        }
        """##

    private static let outcome = ##"""
        /// What a client is answered: a 0 and a number of four bytes, or a 1 and a text that says why there is none.
        nonisolated enum Outcome: PacketMessage, Equatable {
            case value(Int32)
            case failure(String)

            init(bytes: [UInt8]) throws {
                let rest = Array(bytes.dropFirst())
                switch bytes.first {
                case 0:
                    guard let numbers = rest.numbers, numbers.count == 1 else { throw PacketError("not one number") }
                    self = .value(numbers[0])
                case 1: self = .failure(String(decoding: rest, as: UTF8.self))
                default: throw PacketError("neither a value nor a failure")
                }
            }

            var bytes: [UInt8] {
                switch self {
                case .value(let number): [0] + [UInt8]([number])
                case .failure(let text): [1] + Array(text.utf8)
                }
            }
        }
        """##

    private static let calculationTests = ##"""
        import Testing

        @testable import {{module}}

        @Suite struct CalculationTests {
            @Test(
                arguments: [
                    (Calculation(.add, []), .value(0)), (Calculation(.add, [2, -3]), .value(-1)),
                    (Calculation(.multiply, []), .value(1)), (Calculation(.multiply, [6, 7]), .value(42)),
                    (Calculation(.add, [.max, 1]), .failure("the result is too large")),
                    (Calculation(.multiply, [.min, -1]), .failure("the result is too large")),
                ] as [(Calculation, Outcome)])
            func hasAnOutcome(_ calculation: Calculation, _ outcome: Outcome) {
                #expect(calculation.outcome == outcome)
            }

            @Test(arguments: [Calculation(.add, [0, 1, -1, .max, .min]), Calculation(.multiply, [])])
            func isReadAsItWasWritten(_ calculation: Calculation) throws {
                #expect(try Calculation(bytes: calculation.bytes) == calculation)
            }

            @Test(arguments: [Outcome.value(.min), .value(258), .failure("né"), .failure("")])
            func isAnsweredAsItWasMeant(_ outcome: Outcome) throws {
                #expect(try Outcome(bytes: outcome.bytes) == outcome)
            }

            @Test(arguments: [[], [0x2D], [0x2B, 1], [0x2B, 1, 2, 3, 4, 5]] as [[UInt8]])
            func isNotMadeOfOtherBytes(_ bytes: [UInt8]) {
                #expect(throws: PacketError.self) { try Calculation(bytes: bytes) }
            }

            @Test(arguments: [[], [2], [0], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5]] as [[UInt8]])
            func hasNoOtherOutcome(_ bytes: [UInt8]) { #expect(throws: PacketError.self) { try Outcome(bytes: bytes) } }
        }
        """##

    private static let codecTests = ##"""
        import Apus
        import Testing

        @testable import {{module}}

        /// A protocol does no input and output of its own: it is tested without a connection.
        @Suite struct CalculatorProtocolTests {
            private let codec = CalculatorProtocol<Calculation, Calculation>()
            private let calculation = Calculation(.add, [2, 3])
            private let packet: [UInt8] = [0, 9, 0x2B, 0, 0, 0, 2, 0, 0, 0, 3]

            private func frame(_ bytes: [UInt8]) -> FrameLength { bytes.withUnsafeBytes { codec.frame($0) } }

            @Test func messagesBecomePacketsAndPacketsMessages() throws {
                var bytes: [UInt8] = []
                try codec.encode(calculation, into: &bytes)
                #expect(bytes == packet)
                #expect(try packet.withUnsafeBytes { try codec.decode($0) } == calculation)
            }

            /// However it is split, and whatever comes behind it.
            @Test func theEndOfAPacketIsFound() {
                for count in 0..<2 { #expect(frame(Array(packet[..<count])) == .needMore) }
                for count in 2...packet.count { #expect(frame(Array(packet[..<count])) == .length(packet.count)) }
                #expect(frame(packet + packet) == .length(packet.count))
            }

            @Test(arguments: [[0, 0], [0x10, 0x01], [0xFF, 0xFF]] as [[UInt8]])
            func lengthsThatNoMessageHasAreRefused(_ head: [UInt8]) {
                guard case .invalid = frame(head) else {
                    Issue.record("\(head) is taken for the head of a packet")
                    return
                }
            }

            @Test func whatIsTooLargeIsNotSent() {
                let large = Calculation(.add, Array(repeating: 1, count: 1024))
                var bytes: [UInt8] = []
                #expect(throws: PacketError.self) { try codec.encode(large, into: &bytes) }
                #expect(bytes.isEmpty)
            }
        }
        """##

    private static let serverTests = ##"""
        import Testing

        @testable import {{module}}

        /// The program, over sockets.
        @Suite struct ServerTests {
            /// The client's side of the protocol.
            private let codec = CalculatorProtocol<Outcome, Calculation>()

            private func packet(_ calculation: Calculation) throws -> [UInt8] {
                var bytes: [UInt8] = []
                try codec.encode(calculation, into: &bytes)
                return bytes
            }

            private func readOutcome(_ client: Client) throws -> Outcome {
                let head = try client.read(2)
                return try Outcome(bytes: client.read(Int(head[0]) << 8 | Int(head[1])))
            }

            @Test func itCalculates() throws {
                let server = try RunningServer()
                let client = try Client(port: server.ports[0])
                try client.send(packet(Calculation(.multiply, [6, 7])))
                #expect(try readOutcome(client) == .value(42))
                try client.send(packet(Calculation(.add, [.max, 1])))
                #expect(try readOutcome(client) == .failure("the result is too large"))
            }

            /// Packets arrive as the network has it.
            @Test func packetsMayBeSplitAndGlued() throws {
                let server = try RunningServer("--workers", "1")
                let client = try Client(port: server.ports[0])
                let packets = try (1...3).flatMap { try packet(Calculation(.add, [$0, $0])) }
                for byte in packets { try client.send([byte]) }
                try client.send(packets)
                for _ in 0..<2 {
                    for number in [1, 2, 3] as [Int32] { #expect(try readOutcome(client) == .value(2 * number)) }
                }
            }

            @Test(arguments: [[0, 1, 0x2D], [0, 3, 0x2B, 1, 2], [0xFF, 0xFF]] as [[UInt8]])
            func whoeverSpeaksOtherwiseIsCutOff(_ bytes: [UInt8]) throws {
                let server = try RunningServer("--workers", "1")
                let (stranger, client) = (try Client(port: server.ports[0]), try Client(port: server.ports[0]))
                try stranger.send(bytes)
                #expect(stranger.isClosed())
                // The others do not notice.
                try client.send(packet(Calculation(.add, [1])))
                #expect(try readOutcome(client) == .value(1))
            }
        }
        """##
}
