import Apus
import Glibc

/// The memory of libevent, which holds what waits to be sent; it can be made to run out.
enum ScarceMemory {
    /// Nothing can be had.
    // libevent asks for memory on the loop's thread alone: hence unsafe.
    nonisolated(unsafe) fileprivate static var isOut = false

    /// Takes the place of the system's; before anything else is done with libevent.
    static func install() {
        typealias Allocate = @convention(c) (Int) -> UnsafeMutableRawPointer?
        typealias Grow = @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer?
        typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Void
        typealias Install = @convention(c) (Allocate, Grow, Free) -> Void
        let install = unsafeBitCast(dlsym(nil, "event_set_mem_functions")!, to: Install.self)
        install(
            { ScarceMemory.isOut ? nil : malloc($0) }, { ScarceMemory.isOut ? nil : realloc($0, $1) }, { free($0) })
    }

    /// Runs `body` while there is none.
    static func without<Result>(_ body: () throws -> Result) rethrows -> Result {
        isOut = true
        defer { isOut = false }
        return try body()
    }
}
