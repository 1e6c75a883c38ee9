import CApus

/// The memory that the processes of a service share: all its counters and tables, one behind the other.
struct SharedMemory {
    let fd: Int32
    /// What is in it, with names and sizes.
    let layout: String
    private(set) var isNew = false

    /// What the program has made, in the order of their layouts: so that of the source does not matter.
    private static var regions: [SharedRegion] = []
    /// Nothing can be added any more.
    static var isLaidOut = false

    init(fd: Int32, layout: String) {
        self.fd = fd
        self.layout = layout
    }

    static func add(_ region: SharedRegion) {
        precondition(
            !isLaidOut,
            "a shared counter or table was made after runAll began: make it at the top level of the program, so that "
                + "all its processes have it")
        regions.append(region)
        regions.sort { $0.layout < $1.layout }
    }

    /// What the program shares; "" for nothing.
    static var layout: String { regions.map(\.layout).joined(separator: "\n") }

    /// New memory; nil when the program shares nothing.
    static func make() throws(SystemError) -> SharedMemory? {
        guard !regions.isEmpty else { return nil }
        let fd = capus_memory_create(regions.reduce(0) { $0 + $1.size })
        guard fd >= 0 else { throw SystemError("make memory to share", -fd) }
        var memory = SharedMemory(fd: fd, layout: layout)
        memory.isNew = true
        return memory
    }

    /// Gives the program's counters and tables their places in it.
    mutating func attach() throws(SystemError) {
        guard !Self.isLaidOut else { return }
        Self.isLaidOut = true
        guard var place = capus_map_file(fd, Self.regions.reduce(0) { $0 + $1.size }, true) else {
            throw SystemError.last("map memory to share")
        }
        for region in Self.regions {
            region.move(to: place, isNew: isNew)
            place += region.size
        }
        isNew = false
    }

    /// Uses what the master of this process shares.
    static func adopt(_ fd: Int32, layout wanted: String?) {
        guard layout == wanted ?? "" else {
            Service.fail("this program shares other counters and tables than the master that started it", status: 70)
        }
        defer { isLaidOut = true }
        guard wanted != nil else { return }
        var memory = SharedMemory(fd: fd, layout: layout)
        do throws(SystemError) {
            try memory.attach()
        } catch {
            Service.fail("\(error)", status: 71)
        }
        capus_close(fd)
    }
}
