import CApus

/// What few connections need: kept apart so that the others stay small.
final class ConnectionExtras {
    var maxSendBufferSize: Int?
    var maxPackageSize: Int?
    var lingerTimeout: Double?
    var localAddress: capus_address?
    var userStorage: [ObjectIdentifier: Any] = [:]
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var lastTask = 0

    func reserveTask() -> Int {
        lastTask += 1
        return lastTask
    }

    func setTask(_ key: Int, _ task: Task<Void, Never>) { tasks[key] = task }
    func removeTask(_ key: Int) { tasks[key] = nil }

    func cancelTasks() {
        for task in tasks.values { task.cancel() }
        tasks.removeAll()
    }
}

/// A key for values that user code keeps with a connection or worker; see `Connection.subscript(_:)`.
public protocol StorageKey {
    /// What is kept.
    associatedtype Value
}

extension StreamConnection {
    var moreExtras: ConnectionExtras {
        if let extras { return extras }
        let made = ConnectionExtras()
        extras = made
        return made
    }

    var maxSendBufferSize: Int { extras?.maxSendBufferSize ?? driver.limits.maxSendBufferSize }
    var maxPackageSize: Int { extras?.maxPackageSize ?? driver.limits.maxPackageSize }
    var lingerTimeout: Double { extras?.lingerTimeout ?? driver.limits.lingerTimeout }

    var localAddress: capus_address {
        if let known = extras?.localAddress { return known }
        var address = capus_address()
        if fd >= 0, capus_local_address(fd, &address) == 0 { return address }
        return address
    }

    /// A listener on one interface knows the local address of its connections; the others are asked only where user
    /// code can ask once the socket is gone.
    func rememberLocalAddress() {
        guard fd >= 0, driver.observesClose else { return }
        let address = localAddress
        moreExtras.localAddress = address
    }
}
