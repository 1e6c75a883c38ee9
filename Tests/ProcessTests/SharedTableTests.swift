import Glibc
import TestSupport
import Testing

/// Counters and tables that the processes of a program share. Spec 08 §5.
@Suite struct SharedTableTests {
    @Test(arguments: backends)
    func countersAddUp(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 8)
            for member in bus.members { try member.begin("hit 100000") }
            for member in bus.members { #expect(try member.answer() == "done") }
            // It begins with what the program stored before it ran.
            for member in bus.members { #expect(try member.ask("hits") == "800007") }
            #expect(try bus.members[0].ask("hits-other 1 2 800010") == "false 800010 800008")
            #expect(try bus.members[1].ask("hits-other 800008 5 3") == "true 5 3")
        }
    }

    @Test(arguments: backends)
    func whatAKilledProcessHasCountedStays(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 3)
            let victim = bus.members[0]
            for _ in 0..<20 { #expect(try victim.ask("hit 1000") == "done") }
            let (other, observer) = (bus.members[1], bus.members[2])
            try other.begin("hit 100000")
            try victim.begin("hit 1000000000")
            #expect(try eventually { try Int(observer.ask("hits"))! > 500_000 })
            kill(victim.pid, SIGKILL)
            bus.forget([victim])
            #expect(try other.answer() == "done")
            let successor = try bus.join(1)[0]
            let value = try #require(Int(successor.ask("hits")))
            #expect(value >= 500_000)
            #expect(try successor.ask("hit 10") == "done")
            #expect(try successor.ask("hits") == "\(value + 10)")
        }
    }

    @Test(arguments: backends)
    func changesOfTheSameRowsAddUp(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 8)
            // All add the rows at the same time.
            for member in bus.members { try member.begin("increment 500 10") }
            for member in bus.members { #expect(try member.answer(within: 60) == "done") }
            #expect(try bus.members[3].ask("count") == "10")
            for key in 0..<10 {
                #expect(try bus.members[key % 8].ask("get key_\(key)") == "4000 0 ")
            }
            #expect(try bus.members[0].ask("keys") == (0..<10).map { "key \($0)" }.joined(separator: " "))
        }
    }

    @Test(arguments: backends)
    func rowsComeAndGo(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 4)
            let (first, second) = (bus.members[0], bus.members[1])
            #expect(try first.ask("set anna red 3") == "done")
            #expect(try second.ask("get anna") == "0 3 red")
            #expect(try second.ask("insert anna blue") == "false")
            #expect(try second.ask("insert bert blue") == "true")
            #expect(try second.ask("exchange anna 4") == "false")
            #expect(try second.ask("exchange anna 3") == "true")
            #expect(try second.ask("exchange nobody 0") == "false")
            #expect(try first.ask("get anna") == "0 -1 red")
            #expect(try first.ask("get bert") == "0 0 blue")
            #expect(try first.ask("remove anna") == "true")
            #expect(try second.ask("remove anna") == "false")
            #expect(try second.ask("get anna") == "none")
            #expect(try second.ask("keys") == "bert")
            #expect(try first.ask("set-if bert green 1 5") == "false")
            #expect(try first.ask("set-if nobody green 0 5") == "false")
            #expect(try second.ask("get bert") == "0 0 blue")
            #expect(try first.ask("set-if bert blue 0 5") == "true")
            #expect(try second.ask("set-if bert blue 0 6") == "false")
            #expect(try second.ask("get bert") == "0 5 blue")
            #expect(try second.ask("set-if bert blue 5 0") == "true")
            #expect(try first.ask("remove-if bert 1") == "false")
            #expect(try second.ask("remove-if nobody 0") == "false")
            #expect(try second.ask("get bert") == "0 0 blue")
            #expect(try first.ask("set anna red 3") == "done")
            #expect(try second.ask("remove-if anna 3") == "true")
            #expect(try first.ask("get anna") == "none")
            #expect(try first.ask("count") == "1")
            // Who has added a row takes away that one, however many others are after the same.
            for member in bus.members { try member.begin("lease 3000") }
            for member in bus.members { #expect(try member.answer(within: 60) == "done") }
            // Rows of many names, beside each other and for long.
            for (index, member) in bus.members.enumerated() { try member.begin("churn 3000 m\(index)") }
            for member in bus.members { #expect(try member.answer(within: 60) == "done") }
            #expect(try first.ask("count") == "1")
            #expect(try first.ask("keys") == "bert")
            #expect(try first.ask("get bert") == "0 0 blue")
        }
    }

    @Test(arguments: backends)
    func whatDoesNotFitIsRefused(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            let (first, second) = (bus.members[0], bus.members[1])
            #expect(try first.ask("fill 101") == "table rows is full: it was made for 100 rows")
            #expect(try second.ask("count") == "100")
            #expect(try second.ask("insert more x") == "table rows is full: it was made for 100 rows")
            // Rows that are there can be changed, and others take the place of those that go.
            #expect(try second.ask("fill 100") == "done")
            #expect(try second.ask("insert more x") == "table rows is full: it was made for 100 rows")
            #expect(try second.ask("churn 1 x").contains("is full"))
            #expect(try second.ask("remove nobody") == "false")
            #expect(try second.ask("long-key").contains("has 65 bytes, at most 64 fit"))
            #expect(try second.ask("wrong-column") == "table rows has no column nothing")
            #expect(try second.ask("wrong-kind") == "table rows: column text holds the other kind of value")
            #expect(try second.ask("remove-if-wrong") == "table rows: column text holds the other kind of value")
            #expect(
                try second.ask("long-value") == "table rows: 41 bytes for column text, which has room for 40")
            #expect(try first.ask("count") == "100")
        }
    }

    /// Who is killed in the midst of a change leaves the row as it was, and its lock to others.
    @Test(arguments: backends)
    func aKilledHolderHoldsUpNobody(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 3)
            for round in 0..<6 {
                let victim = bus.members[0]
                // It spends nearly all of its time in changing the row.
                #expect(try victim.ask("write-big") == "done")
                #expect(try eventually { try bus.members[1].ask("get-big") == "1 4000000 true" })
                kill(victim.pid, SIGKILL)
                bus.forget([victim])
                // On a busy machine it takes its time, and holds what it holds.
                #expect(eventually { ProcessFacts(victim.pid) == nil })
                #expect(try bus.members[0].ask("set-big \(round)") == "done")
                #expect(try bus.members[1].ask("get-big") == "1 \(round) true")
                #expect(try bus.members[1].ask("increment-big") == "2")
                #expect(try bus.members[0].ask("remove-big") == "true 0")
                try bus.join(1)
            }
        }
    }

    /// Who was stopped in the midst of one holds up others for a second at most, and no readers.
    @Test(arguments: backends)
    func aStoppedHolderHoldsUpNobodyForLong(_ backend: String) async throws {
        try await TestThreads.heavy.run {
            let bus = try BusService(backend, count: 2)
            let (holder, other) = (bus.members[0], bus.members[1])
            #expect(try holder.ask("write-big") == "done")
            var refusals = 0
            for _ in 0..<50 where refusals < 1 {
                #expect(try eventually { try other.ask("get-big").hasSuffix(" 4000000 true") })
                kill(holder.pid, SIGSTOP)
                let answer = try other.ask("set-big 3")
                #expect(answer == "done" || answer.contains("was stopped"))
                if answer != "done" {
                    refusals += 1
                    #expect(try other.ask("get-big") == "1 4000000 true")
                }
                kill(holder.pid, SIGCONT)
            }
            #expect(refusals == 1)
            #expect(try holder.ask("halt") == "done")
            #expect(try other.ask("set-big 5") == "done")
            #expect(try holder.ask("get-big") == "1 5 true")
        }
    }

    /// The master becomes the program anew, its processes are others: what they share stays.
    @Test(arguments: backends)
    func reloadsKeepWhatIsShared(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            #expect(try bus.members[0].ask("hit 5") == "done")
            #expect(try bus.members[0].ask("set anna red 3") == "done")
            for round in 1...2 {
                let old = bus.members
                try bus.reload(round)
                bus.forget(old)
                for member in try bus.join(2) {
                    #expect(try member.ask("hits") == "12")
                    #expect(try member.ask("get anna") == "0 3 red")
                }
            }
            // A program that shares something else begins anew.
            let old = bus.members
            try writeText("share", to: bus.folder.file("trouble"))
            try bus.reload(3)
            bus.forget(old)
            for member in try bus.join(2) {
                #expect(try member.ask("hits") == "7")
                #expect(try member.ask("get anna") == "none")
            }
            #expect(bus.service.log.contains("is laid out anew"))
            try bus.meet()
        }
    }

    /// Going back to the program before goes back to what that shares.
    @Test(arguments: backends)
    func aProgramThatCannotServeLosesNothingOfWhatIsShared(_ backend: String) async throws {
        try await TestThreads.light.run {
            let bus = try BusService(backend, count: 2)
            #expect(try bus.members[0].ask("hit 5") == "done")
            let descriptors = try #require(bus.master.facts).descriptorCount
            try writeText("share-exit", to: bus.folder.file("trouble"))
            bus.master.signal(SIGUSR1)
            #expect(eventually { bus.service.log.contains("reload given up") }, "\(bus.service.log)")
            let victim = bus.members[0]
            kill(victim.pid, SIGKILL)
            bus.forget([victim])
            for member in try bus.join(1) + bus.members { #expect(try member.ask("hits") == "12") }
            try bus.meet()
            #expect(eventually { (bus.master.facts?.descriptorCount ?? .max) <= descriptors })
        }
    }
}
