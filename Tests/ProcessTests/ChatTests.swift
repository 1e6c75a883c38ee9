import Foundation
import TestSupport
import Testing

/// The example's chat: in one process, in several, and on several hosts.
@Suite struct ChatTests {
    private let options = ["--on", "127.0.0.1:0", "--beat", "1"]

    private func serve(_ backend: String, count: Int = 1, _ more: [String] = []) throws -> ServedRecipe {
        try ServedRecipe("Chat", backend, options + ["--count", "\(count)"] + more)
    }

    /// Guests whose names begin with `prefix`, until each of `count` processes has one: those by their process.
    private func guests(_ prefix: String, at endpoint: Endpoint, processes count: Int) throws -> [ChatClient] {
        var guests: [Int: ChatClient] = [:]
        var others: [ChatClient] = []
        for number in 0..<200 where guests.count < count {
            let guest = try ChatClient("\(prefix)\(number)", endpoint)
            if guests[guest.process] == nil { guests[guest.process] = guest } else { others.append(guest) }
        }
        guard guests.count == count else { throw Failure("all guests are at \(guests.count) processes") }
        return (0..<count).map { guests[$0]! }
    }

    /// What was said, whispered and asked for, between guests that are connected to wherever they are.
    private func talk(_ ann: ChatClient, _ bob: ChatClient) throws {
        let (a, b) = (ann.name, bob.name)
        #expect(try ann.move(to: "Garden").room == "Garden")
        #expect(try bob.move(to: "garden").room == "garden")
        for guest in [ann, bob] { try guest.waitForPeople([a, b]) }
        try ann.say("Hello <b>& welcome</b> 🐦")
        for guest in [ann, bob] { #expect(try guest.hear() == "\(a): Hello <b>& welcome</b> 🐦") }
        try bob.say("\u{7}a\nb")
        for guest in [ann, bob] { #expect(try guest.hear() == "\(b): a\nb") }

        try bob.whisper("for you", to: a.uppercased())
        for guest in [ann, bob] { #expect(try guest.hearWhisper() == "\(b) to \(a.uppercased()): for you") }
        try bob.whisper("hello?", to: "Carl")
        #expect(try bob.problem() == "Carl is not here")

        // Rooms are apart, and the last lines wait for who comes.
        #expect(try bob.move(to: "cellar").lines?.isEmpty == true)
        try ann.waitForPeople([a])
        try ann.say("anybody here?")
        #expect(try ann.hear() == "\(a): anybody here?")
        try bob.say("dark")
        #expect(try bob.hear() == "\(b): dark")
        // What one process says arrives in its order: behind this, Bob's process has heard all of the above.
        try ann.whisper("now", to: b)
        #expect(try ann.hearWhisper() == bob.hearWhisper())
        let lines = try bob.move(to: "garden").lines ?? []
        #expect(lines.map(\.text) == ["Hello <b>& welcome</b> 🐦", "a\nb", "anybody here?"])
        #expect(lines.map(\.from) == [a, b, a])

        // What is repeated, since its page had not heard of it, is said once.
        let id = try bob.say("once")
        #expect(try ann.hear() == "\(b): once" && bob.hear() == "\(b): once")
        try bob.say("once", id: id)
        #expect(try bob.hear() == "\(b): once")
        try bob.say("twice")
        #expect(try ann.hear() == "\(b): twice")
    }

    @Test(arguments: backends)
    func inOneProcess(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend)
            let page = try chat.ask("GET /")
            #expect(page["Content-Security-Policy"]?.contains("script-src 'self'") == true)
            #expect(page.text.contains("<script src=\"chat.js\">"))
            #expect(try chat.ask("GET /chat.js")["Content-Type"] == "text/javascript;charset=utf-8")
            let ann = try ChatClient("Ann", chat.endpoint)
            let bob = try ChatClient("Bob", chat.endpoint)
            try talk(ann, bob)
            #expect(try chat.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func betweenProcesses(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend, count: 3)
            let guests = try guests("p", at: chat.endpoint, processes: 3)
            try talk(guests[0], guests[1])
            // The third process hears of all of that, and has nobody in the room.
            try guests[1].whisper("now", to: guests[2].name)
            #expect(try guests[2].hearWhisper() == "\(guests[1].name) to \(guests[2].name): now")
            #expect(try guests[2].move(to: "garden").lines?.map(\.text).last == "twice")
            for guest in guests { try guest.waitForPeople(guests.map(\.name)) }
            // A name is taken in all of them.
            for _ in 0..<6 {
                let name = guests[0].name.uppercased()
                #expect(refusal(name, chat) == "close 1008 \(name) is here already")
            }
            #expect(try chat.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func betweenHosts(_ backend: String) async throws {
        try await TestThreads.light.run {
            try withServers(backend) { places, servers in
                try useHosts(backend, places)
                let hosts = try (0..<2).map { _ in try serve(backend, count: 1, places) }
                try beCutOff(servers, hosts)
            }
        }
    }

    @Test(arguments: backends)
    func betweenHostsByRedis(_ backend: String) async throws {
        try await TestThreads.light.run {
            let redis = try RedisServer()
            let place = "redis+\(redis.endpoint)"
            try useHosts(backend, ["--channel", place, "--data", place])
        }
    }

    /// The servers of a cluster, and what the hosts are told of them.
    private func withServers(_ backend: String, _ body: ([String], ServedRecipe) throws -> Void) throws {
        let folder = try TemporaryFolder()
        let places = [
            "--channel", "unix:\(folder.file("channel"))", "--data", "unix:\(folder.file("data"))", "--secret", "words",
        ]
        let servers = try ServedRecipe("ClusterServers", backend, places)
        try body(places, servers)
        #expect(try servers.stop() == .code(0))
    }

    private func useHosts(_ backend: String, _ places: [String]) throws {
        let hosts = try (0..<2).map { _ in try serve(backend, count: 2, places) }
        let ann = try ChatClient("Ann", hosts[0].endpoint)
        let bob = try ChatClient("Bob", hosts[1].endpoint)
        for guest in [ann, bob] { try guest.waitForPeople(["Ann", "Bob"]) }
        try talk(ann, bob)
        for host in hosts { #expect(refusal("Ann", host) == "close 1008 Ann is here already") }
        // Who was cut off comes back by another host, with the same page.
        let again = try ChatClient("Ann", hosts[1].endpoint, room: "garden", key: ann.key)
        #expect(try ann.ending().hasPrefix("close 4000 "))
        #expect(again.entered.lines?.last?.text == "twice")
        for host in hosts { #expect(try host.stop() == .code(0)) }
    }

    /// The servers in between die, and are started again with nothing in them.
    private func beCutOff(_ servers: ServedRecipe, _ hosts: [ServedRecipe]) throws {
        let eve = try ChatClient("Eve", hosts[0].endpoint)
        let fred = try ChatClient("Fred", hosts[1].endpoint)
        for guest in [eve, fred] { try guest.waitForPeople(["Eve", "Fred"]) }
        for server in servers.master.children { server.kill() }
        // Meanwhile those of one host hear each other; what others have missed they are told later.
        var said = 0
        try waitFor("hosts that hear each other again") { () -> Void? in
            said += 1
            try eve.say("\(said)")
            #expect(try eve.hear() == "Eve: \(said)")
            guard fred.socket.isReadable(within: 0.2) else { return nil }
            return ()
        }
        // Who has what name is not known for a moment: pages come again.
        let late = try waitFor("somebody new") { try? ChatClient("Late", hosts[1].endpoint, key: "late") }
        for guest in [eve, fred, late] { try guest.waitForPeople(["Eve", "Fred", "Late"]) }
        #expect(refusal("Eve", hosts[1]) == "close 1008 Eve is here already")
        try eve.say("last")
        #expect(try eve.hear() == "Eve: last")
        _ = try late.move(to: "garden")
        try eve.whisper("now", to: "Late")
        #expect(try late.hearWhisper() == "Eve to Late: now")
        let lines = try late.move(to: "lobby").lines?.map(\.text) ?? []
        #expect(lines == (1...said).map { "\($0)" } + ["last"])
        for host in hosts { #expect(try host.stop() == .code(0)) }
    }

    /// Nobody says goodbye for the guests of a process that was killed.
    @Test(arguments: backends)
    func aKilledProcessLeavesNobodyBehind(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend, count: 2)
            let guests = try guests("p", at: chat.endpoint, processes: 2)
            let (stays, goes) = (guests[0], guests[1])
            let lost = try waitFor("a guest of the same process") { () -> ChatClient? in
                let guest = try ChatClient("Lost\(UInt32.random(in: 0 ... .max))", chat.endpoint)
                return guest.process == goes.process ? guest : nil
            }
            for guest in [stays, goes, lost] { _ = try guest.move(to: "garden") }
            try stays.waitForPeople([stays.name, goes.name, lost.name])
            try stays.say("before")
            #expect(try stays.hear() == "\(stays.name): before" && goes.hear() == "\(stays.name): before")
            try kill(goes.process, of: chat)
            try stays.waitForPeople([stays.name])
            // The page of one of them comes back under its name at once, and hears what was said before.
            let again = try ChatClient(goes.name, chat.endpoint, room: "garden", key: goes.key)
            try stays.waitForPeople([stays.name, goes.name])
            let lines = again.entered.lines ?? []
            #expect(try (lines.isEmpty ? again.event("lines").lines ?? [] : lines).map(\.text) == ["before"])
            try again.say("back")
            #expect(try stays.hear() == "\(goes.name): back")
            try again.whisper("really", to: stays.name)
            #expect(try stays.hearWhisper() == "\(goes.name) to \(stays.name): really")
            // Others have a name that was left behind after a while.
            let heir = try waitFor("a name that was left behind") { try? ChatClient(lost.name, chat.endpoint) }
            #expect(heir.key != lost.key)
            #expect(try chat.stop() == .code(0))
        }
    }

    /// Kills the process of the worker that has an id.
    private func kill(_ id: Int, of chat: ServedRecipe) throws {
        struct Status: Decodable {
            struct Process: Decodable {
                var pid: Int32
                var id: Int
            }
            var processes: [Process]
        }
        let text = try chat.service.run("status", "--json").output
        let status = try JSONDecoder().decode(Status.self, from: Data(text.utf8))
        let victim = try #require(status.processes.first { $0.id == id }.flatMap { ProcessFacts($0.pid) })
        victim.kill()
    }

    /// A process that is started anew, and one that replaces another, know what was said.
    @Test(arguments: backends)
    func aReloadForgetsNothing(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend, count: 2)
            let ann = try ChatClient("Ann", chat.endpoint)
            try ann.say("before")
            #expect(try ann.hear() == "Ann: before")
            chat.master.signal(SIGUSR1)
            #expect(try ann.ending().hasPrefix("close 1001 "))
            let again = try ChatClient("Ann", chat.endpoint, key: ann.key)
            let lines = again.entered.lines ?? []
            #expect(try (lines.isEmpty ? again.event("lines").lines ?? [] : lines).map(\.text) == ["before"])
            #expect(try chat.stop() == .code(0))
        }
    }

    @Test(arguments: backends)
    func whatIsNoGoodIsRefused(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend, count: 1, ["--rate", "1000"])
            let ann = try ChatClient(" Ann  Lee ", chat.endpoint)
            try ann.waitForPeople(["Ann Lee"])
            for name in [
                "", " ", "<b>", "a\u{202E}b", "a\u{200B}b", String(repeating: "x", count: 31), "ann lee", "\u{1F426}",
            ] {
                #expect(refusal(name, chat).hasPrefix("close 1008 "), "\(name)")
            }
            #expect(refusal("Bob", chat, key: "").hasPrefix("close 1008 a key or id"))
            for (request, part) in [
                (["kind": "move", "room": "<script>"], "a room has letters"), (["kind": "say", "id": "1"], "nothing"),
                (["kind": "say", "id": "1", "text": " \n"], "nothing was said"),
                (["kind": "say", "text": "x"], "a key or id"),
                (["kind": "say", "text": "x", "id": "A/"], "a key or id"),
                (["kind": "say", "id": "2", "text": String(repeating: "x", count: 4097)], "at most 4096 bytes"),
                (["kind": "whisper", "id": "3", "text": "x"], "a name has"),
                (["kind": "enter", "name": "Other", "key": "k"], "you are Ann Lee"),
            ] {
                try ann.send(request)
                #expect(try ann.problem().hasPrefix(part), "\(request)")
            }
            // A hundred lines are kept, in their order; who comes gets them.
            for number in 0..<103 { try ann.say("\(number)") }
            for number in 0..<103 { #expect(try ann.hear() == "Ann Lee: \(number)") }
            let bob = try ChatClient("Bob", chat.endpoint)
            #expect(bob.entered.lines?.map(\.text) == (3..<103).map { "\($0)" })
            // What is no message of a page ends its connection, and nobody else's.
            for (message, code) in [("{}", 1007), ("x", 1007), (String(repeating: "x", count: 17 << 10), 1009)] {
                let guest = try ChatClient("Guest\(message.utf8.count)", chat.endpoint)
                try guest.socket.send(WebSocketFrame(.text, message))
                #expect(try guest.ending().hasPrefix("close \(code)"))
            }
            try bob.say("still here")
            #expect(try ann.hear() == "Bob: still here")
            #expect(try chat.stop() == .code(0))
        }
    }

    /// What a guest is told who may not enter.
    private func refusal(_ name: String, _ chat: ServedRecipe, key: String? = nil) -> String {
        do {
            return "\(try ChatClient(name, chat.endpoint, key: key).name) is in"
        } catch {
            return "\(error)"
        }
    }

    /// Who talks more quickly than is allowed is slowed down; nothing is lost, and nobody else waits.
    @Test(arguments: backends)
    func whoTalksTooMuchIsSlowedDown(_ backend: String) async throws {
        try await TestThreads.light.run {
            let chat = try serve(backend, count: 1, ["--rate", "10"])
            let (ann, bob) = (try ChatClient("Ann", chat.endpoint), try ChatClient("Bob", chat.endpoint))
            let start = Deadline.now
            for number in 0..<60 { try ann.say("\(number)") }
            try bob.whisper("quickly", to: "Bob")
            #expect(try bob.hearWhisper() == "Bob to Bob: quickly")
            for number in 0..<60 { #expect(try ann.hear() == "Ann: \(number)") }
            // Forty at once, and ten a second.
            #expect(Deadline.now - start >= 1_900_000_000)
            #expect(try chat.stop() == .code(0))
        }
    }
}
