import Glibc
import TestSupport
import Testing

/// Messages between the processes of a program. Spec 08 §5.
@Suite struct BusTests {
    @Test(arguments: backends)
    func everyProcessGetsABroadcastInOrder(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 8)
            try bus.meet()
            // All at the same time.
            for member in bus.members { try member.begin("numbers 1000") }
            for member in bus.members { #expect(try member.answer() == "7000") }
            for member in bus.members {
                #expect(try eventually { try member.received().count >= 7000 })
                #expect(try member.received() == (7000, 0))
                #expect(try member.ask("dropped") == "0")
            }
            let first = bus.members[0]
            #expect(try first.ask("to-all hello") == "8")
            for member in bus.members {
                #expect(try eventually { try member.ask("last") == "news talk/\(first.id) hello" })
            }
            #expect(try bus.master.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func aMessageReachesWhomItIsFor(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 3, ["--other", "2"])
            try bus.meet()
            let sender = try #require(bus.members.first { $0.worker == "talk" && $0.id == 0 })
            let others = ["talk/1", "talk/2", "other/0", "other/1"]
            let cases: [(command: String, receivers: [String])] = [
                ("send one talk 1", ["talk/1"]), ("send two other 0", ["other/0"]),
                ("send three other", ["other/0", "other/1"]), ("send four talk", ["talk/0", "talk/1", "talk/2"]),
                ("send five talk 0", ["talk/0"]), ("send six nobody", []), ("send seven talk 3", []),
                ("broadcast eight", others),
            ]
            for (command, receivers) in cases {
                let before = try bus.members.map { try $0.received().count }
                #expect(try sender.ask(command) == "\(receivers.count)")
                let text = command.split(separator: " ")[1]
                for (member, count) in zip(bus.members, before) {
                    let name = "\(member.worker)/\(member.id)"
                    let goal = count + (receivers.contains(name) ? 1 : 0)
                    #expect(try eventually { try member.received().count == goal }, "\(command): \(name)")
                    if goal > count { #expect(try member.ask("last") == "news talk/0 \(text)") }
                }
            }
            #expect(try sender.ask("empty") == "4")
            for member in bus.members where member !== sender {
                #expect(try eventually { try member.ask("last") == " talk/0 " })
            }
        }
    }

    @Test(arguments: backends)
    func largeMessages(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 4)
            try bus.meet()
            let sender = bus.members[0]
            // Around the size of a packet, and much larger.
            for size in [32_700, 32_730, 32_731, 32_732, 32_733, 32_734, 32_735, 32_768, 65_536, 5_000_000] {
                #expect(try sender.ask("large \(size)") == "3")
                for member in bus.members.dropFirst() {
                    #expect(
                        try eventually { try member.ask("last") == "news talk/\(sender.id) \(size) true" }, "\(size)")
                }
            }
            // From all to all.
            for member in bus.members { try member.begin("large 3000000") }
            for member in bus.members { #expect(try member.answer() == "3") }
            for member in bus.members {
                let goal = member === sender ? 3 : 13
                #expect(try eventually(within: 60) { try member.received().count == goal })
                #expect(try member.ask("last").hasSuffix(" 3000000 true"))
            }
            // More than may wait.
            #expect(try sender.ask("large 9000000") == "0")
            #expect(try sender.ask("dropped") == "3")
            #expect(eventually { bus.service.log.contains("a message of 9000000 bytes for it is dropped") })
            #expect(try sender.ask("broadcast after") == "3")
            #expect(try eventually { try bus.members[1].ask("last").hasSuffix(" after") })
        }
    }

    /// What somebody does not take is bounded, and the others do not notice.
    @Test(arguments: backends)
    func aProcessThatStandsStillHoldsUpNobody(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 4)
            try bus.meet()
            let (sender, still) = (bus.members[0], bus.members[1])
            kill(still.pid, SIGSTOP)
            defer { kill(still.pid, SIGCONT) }
            let before = try sender.facts.residentBytes
            var taken = 0
            var marks = 0
            for round in 0..<30 {
                taken += try #require(Int(sender.ask("flood 20 100000")))
                // The others keep up.
                let sent = try sender.ask("broadcast mark\(round)")
                #expect(sent == "2" || sent == "3")
                if sent == "3" { marks += 1 }
                for member in bus.members.dropFirst(2) {
                    #expect(try eventually { try member.ask("last") == "news talk/\(sender.id) mark\(round)" })
                }
            }
            let dropped = try #require(Int(sender.ask("dropped")))
            #expect(taken + dropped >= 1800 && taken >= 1200 && taken <= 1300, "\(taken) \(dropped)")
            #expect(try sender.facts.residentBytes < before + 30_000_000)
            for member in bus.members.dropFirst(2) { #expect(try member.received().count == 630) }
            #expect(bus.service.log.contains("bus: talk/\(still.id) does not keep up"))
            #expect(eventually { bus.service.log.contains("times within a second") })
            #expect(bus.service.log.ranges(of: "does not keep up").count <= 60)
            kill(still.pid, SIGCONT)
            // It gets what was taken for it, and is a receiver as before.
            let goal = taken - 1200 + marks
            #expect(try eventually { try still.received().count == goal })
            #expect(try sender.ask("broadcast again") == "3")
            #expect(try eventually { try still.ask("last") == "news talk/\(sender.id) again" })
        }
    }

    /// The others go on, and the successor takes part.
    @Test(arguments: backends)
    func aProcessThatIsKilledIsReplaced(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 4)
            try bus.meet()
            for member in bus.members { _ = try member.ask("go-on") }
            for _ in 0..<5 {
                let victim = bus.members[1]
                let others = bus.members.filter { $0 !== victim }
                #expect(try eventually { try victim.received().count > 100 })
                kill(victim.pid, SIGKILL)
                bus.forget([victim])
                let successor = try bus.join(1)[0]
                #expect(successor.id == victim.id && successor.reached == 3)
                #expect(try eventually { try successor.received().count > 100 })
                let before = try others.map { try $0.received().count }
                #expect(try eventually { try zip(others, before).allSatisfy { try $0.received().count > $1 + 100 } })
                _ = try successor.ask("go-on")
            }
            for member in bus.members { _ = try member.ask("halt") }
            try settle(bus.members)
            for member in bus.members { #expect(try member.ask("dropped") == "0") }
            for member in bus.members where bus.members.firstIndex(where: { $0 === member }) != 3 {
                // The numbers of a successor begin anew: one break for each that was killed.
                #expect(try member.received().disorder <= 5)
            }
        }
    }

    /// Nothing arrives any more.
    private func settle(_ members: [BusService.Member]) throws {
        var last: [Int] = []
        #expect(
            try eventually {
                let now = try members.map { try $0.received().count }
                defer { last = now }
                return now == last
            })
    }

    /// The master becomes the program anew, processes come and go: whoever is there all the time gets everything.
    @Test(arguments: backends)
    func reloadsLoseNothing(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 4, ["--stay", "1", "--other", "3"])
            try bus.meet()
            let staying = bus.members.filter { $0.worker == "talk" }
            for member in staying { _ = try member.ask("go-on") }
            for round in 1...4 {
                let before = try staying.map { try $0.received().count }
                let old = bus.members.filter { $0.worker == "other" }
                try bus.reload(round)
                bus.forget(old)
                let new = try bus.join(3)
                // It knows all who were there, its predecessors included, from the beginning.
                #expect(new.allSatisfy { $0.reached >= 4 + 3 }, "\(new.map(\.reached))")
                for member in new { #expect(try eventually { try member.received().count > 50 }) }
                #expect(try zip(staying, before).allSatisfy { try $0.received().count > $1 })
            }
            for member in staying { _ = try member.ask("halt") }
            let said = try staying.map { Int(try $0.ask("said"))! }
            for (member, own) in zip(staying, said) {
                let goal = said.reduce(0, +) - own
                #expect(try eventually { try member.received().count == goal }, "\(goal)")
                #expect(try member.received().disorder == 0)
                #expect(try member.ask("dropped") == "0")
            }
            try bus.meet()
            #expect(try bus.master.stop() == .code(0))
        }
    }

    /// Also what is said in leaving is heard.
    @Test(arguments: backends)
    func lastWordsAreHeard(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            try bus.meet()
            let (leaving, other) = (bus.members[0], bus.members[1])
            kill(leaving.pid, SIGTERM)
            bus.forget([leaving])
            #expect(try eventually { try other.ask("last") == "left talk/\(leaving.id) \(leaving.id)" })
            try bus.join(1)
            try bus.meet()
        }
    }

    /// A process whose descriptors clients have for now is told of a new one later.
    @Test(arguments: backends)
    func whoHasNoDescriptorHearsOfOthersLater(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            try bus.meet()
            let (poor, victim) = (bus.members[0], bus.members[1])
            // Nothing more can be opened, and a descriptor that is passed is lost.
            let usual = try poor.facts.descriptorCount + 100
            try Self.limitDescriptors(of: poor, to: 3, bus.folder)
            kill(victim.pid, SIGKILL)
            bus.forget([victim])
            let newcomer = try bus.join(1)[0]
            // The newcomer knows the other one before it says that it is there; the other one has heard of it by now.
            #expect(try eventually { try Int(newcomer.ask("ping")) == 1 })
            try Self.limitDescriptors(of: poor, to: usual, bus.folder)
            try bus.meet()
        }
    }

    private static func limitDescriptors(of member: BusService.Member, to count: Int, _ folder: TemporaryFolder) throws
    {
        let prlimit = try ServerProcess(
            "/usr/bin/prlimit", ["--pid", "\(member.pid)", "--nofile=\(count):"], in: folder)
        #expect(try prlimit.waitForExit() == .code(0), "\(prlimit.errorText)")
    }

    @Test(arguments: backends)
    func anErrorOfAHandlerReplacesTheProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            try bus.meet()
            let (sender, victim) = (bus.members[0], bus.members[1])
            #expect(try sender.ask("trouble talk \(victim.id)") == "1")
            bus.forget([victim])
            #expect(try bus.join(1)[0].id == victim.id)
            #expect(bus.service.log.contains("bus handler failed: a bus handler threw"))
            try bus.meet()
        }
    }

    @Test(arguments: backends)
    func theClientsOfAllProcessesAreReached(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 3, ["--other", "2"])
            try bus.meet()
            let clients = try (0..<12).map { _ in try Client(bus.endpoints[0]) }
            // Only open connections are reached.
            for _ in 0..<100 where try Self.connections(bus) < 12 { poll(nil, 0, 20) }
            try clients[3].send("hello\n")
            for client in clients { #expect(try client.readLine() == "hello") }
            let browsers = try (0..<8).map { _ in
                let client = try Client(bus.endpoints[1])
                try client.openWebSocket("/", "")
                return client
            }
            try browsers[2].send(WebSocketFrame(.text, "all"))
            for browser in browsers { #expect(try browser.readFrame().text == "to all") }
            #expect(!clients[0].isReadable(within: 0.05))
        }
    }

    private static func connections(_ bus: BusService) throws -> Int {
        // Those of the tests' own sockets are among them.
        let text = try bus.service.run("connections").output
        return text.split(separator: "\n").count { $0.contains("127.0.0.1") && $0.contains("text") }
    }

    @Test(arguments: backends)
    func manyProcesses(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 64)
            try bus.meet()
            #expect(try bus.members[5].ask("numbers 100") == "6300")
            for (index, member) in bus.members.enumerated() where index != 5 {
                #expect(try eventually { try member.received() == (100, 0) })
            }
            #expect(try bus.master.stop(within: 60) == .code(0))
        }
    }

    @Test(arguments: backends)
    func reloadsLeaveNoDescriptors(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 3, ["--stay", "1", "--other", "2"])
            func counts() throws -> [Int] {
                try bus.meet()
                let members = try bus.members.map { try $0.facts.descriptorCount }
                return [try #require(bus.master.facts).descriptorCount] + members
            }
            var first: [Int] = []
            for round in 1...20 {
                let old = bus.members.filter { $0.worker == "other" }
                try bus.reload(round)
                #expect(eventually { old.allSatisfy { ProcessFacts($0.pid) == nil } })
                bus.forget(old)
                try bus.join(2)
                if round == 1 { first = try counts() }
            }
            #expect(try eventually { try zip(counts(), first).allSatisfy { $0 <= $1 } }, "\(first)")
        }
    }

    /// Without a master the one process is all there is.
    @Test(arguments: backends)
    func oneProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            let alone = try BusService(backend, count: 1, ["--single-process", "1"])
            let member = alone.members[0]
            #expect(try member.ask("broadcast nobody") == "0")
            #expect(try member.ask("to-all self") == "1")
            #expect(try eventually { try member.ask("last") == "news talk/0 self" })
            #expect(try member.ask("send named talk 0") == "1")
            #expect(try eventually { try member.ask("last") == "news talk/0 named" })
            #expect(try member.ask("send nobody other") == "0")
            #expect(try member.ask("hits") == "7")
            #expect(try member.ask("increment 3 2") == "done")
            #expect(try member.ask("get key_1") == "3 0 ")
        }
    }
}
