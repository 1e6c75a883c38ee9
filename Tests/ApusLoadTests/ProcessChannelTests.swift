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
        var isClosed = false
        #expect(child.receive(timeout: 1000, isClosed: &isClosed)?.kind == .start)
        var isReadable = false
        #expect(capus_wait_readable([theirs], &isReadable, 1, 0) == 1)
        #expect(child.receive(timeout: 1000, isClosed: &isClosed)?.kind == .stop)
        #expect(child.receive(timeout: 1000, isClosed: &isClosed)?.bytes == [1, 2, 3])
        #expect(capus_wait_readable([theirs], &isReadable, 1, 0) == 0)
        #expect(!isClosed)
    }
}
