import CApus
import Testing

@testable import ApusLoad

@Suite struct `Channel between the processes of a load` {
    /// A process that is told to stop right after it was told to start would not notice it otherwise.
    @Test func `leaves the next message where it can be seen`() throws {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        #expect(capus_socket_pair(&ours, &theirs, false) == 0)
        defer {
            capus_close(ours)
            capus_close(theirs)
        }
        let parent = ProcessChannel(fd: ours)
        var child = ProcessChannel(fd: theirs)
        #expect(parent.send(.start) && parent.send(.stop) && parent.send(.plan, [1, 2, 3]))
        #expect(child.receive(timeout: 1000)?.kind == .start)
        var isReadable = false
        #expect(capus_wait_readable([theirs], &isReadable, 1, 0) == 1)
        #expect(child.receive(timeout: 1000)?.kind == .stop)
        #expect(child.receive(timeout: 1000)?.bytes == [1, 2, 3])
        #expect(capus_wait_readable([theirs], &isReadable, 1, 0) == 0)
        #expect(child.state == .open)
    }

    /// What has not been let in cannot fill the memory.
    @Test(arguments: [
        (ProcessChannel.Limits.greeting, 1024, 1025), (.agents, 64 << 20, (64 << 20) + 1),
        (.processes, 1 << 31, (1 << 31) + 1),
    ])
    func `takes no longer messages than its limits allow`(
        _ limits: ProcessChannel.Limits, _ most: Int, _ tooMany: Int
    ) throws {
        for (count, state) in [(most, ProcessChannel.State.open), (tooMany, .broken), (-1, .broken), (.max, .broken)] {
            var ours: Int32 = -1
            var theirs: Int32 = -1
            #expect(capus_socket_pair(&ours, &theirs, false) == 0)
            defer {
                capus_close(ours)
                capus_close(theirs)
            }
            var head = MessageEncoder()
            head.append(count)
            #expect(ProcessChannel(fd: ours).send(bytes: [ProcessChannel.Kind.plan.rawValue] + head.bytes))
            var channel = ProcessChannel(fd: theirs, limits: limits)
            #expect(channel.receive(timeout: 0)?.kind == nil)
            #expect(channel.state == state, "\(count)")
        }
    }

    @Test func `gives up on who does not read`() {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        #expect(capus_socket_pair(&ours, &theirs, false) == 0)
        defer {
            capus_close(ours)
            capus_close(theirs)
        }
        let channel = ProcessChannel(fd: ours, limits: .init(mostBytes: 1 << 20, patience: 1_000_000))
        #expect(!channel.send(.plan, [UInt8](repeating: 0, count: 8 << 20)))
    }
}
