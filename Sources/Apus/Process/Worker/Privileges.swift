import CApus

/// The user and group that a worker's processes run as.
struct Privileges: Equatable {
    let userName: String
    let user: UInt32
    let group: UInt32

    /// What a worker asks for; nil when it asks for nothing. A name that does not exist is an error: going on with the
    /// privileges of root would be worse than not to start.
    static func wanted(by worker: WorkerBase) throws(PrivilegeError) -> Privileges? {
        guard !worker.user.isEmpty || !worker.group.isEmpty else { return nil }
        var user = UInt32(capus_user_id())
        var group: UInt32 = 0
        let name = worker.user.isEmpty ? currentUserName : worker.user
        guard capus_find_user(name, &user, &group) == 0 else {
            throw PrivilegeError(description: "worker \(worker.name): there is no user \"\(name)\"")
        }
        if !worker.group.isEmpty, capus_find_group(worker.group, &group) != 0 {
            throw PrivilegeError(description: "worker \(worker.name): there is no group \"\(worker.group)\"")
        }
        return Privileges(userName: name, user: user, group: group)
    }

    static var currentUserName: String { name(of: capus_user_id()) }

    static func name(of user: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            capus_user_name(user, buffer.baseAddress!, 256)
            return String(cString: buffer.baseAddress!)
        }
    }

    static var mayChange: Bool { capus_user_id() == 0 }

    /// Gives up root for good.
    func assume() throws(SystemError) {
        let failure = capus_become_user(userName, user, group)
        guard failure == 0 else { throw SystemError("become user \(userName)", -failure) }
    }
}

/// A user or group that a worker cannot run as.
struct PrivilegeError: Error, CustomStringConvertible {
    let description: String
}
