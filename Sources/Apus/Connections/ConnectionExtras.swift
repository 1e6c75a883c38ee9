import CApus

/// What few connections need: kept apart so that the others stay small.
final class ConnectionExtras {
    var maxSendBufferSize: Int?
    var maxPackageSize: Int?
    var lingerTimeout: Double?
    var localAddress: capus_address?
    var userStorage: [ObjectIdentifier: Any] = [:]
    /// What runs the operations of handlers that have not ended; nearly always one.
    @exclusivity(unchecked) var runners: [OperationRunner] = []

    func cancelOperations() {
        let running = runners
        for runner in running { runner.cancel() }
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
