/// Users and their passwords, compared in a time that tells nothing of them.
struct UserTable {
    private let users: [(name: [UInt8], password: [UInt8])]

    init(_ passwords: [String: String]) { users = passwords.map { (Array($0.key.utf8), Array($0.value.utf8)) } }

    /// Looks at every user, whoever is asked for.
    func contains(_ user: String, _ password: String) -> Bool {
        let user = Array(user.utf8)
        let password = Array(password.utf8)
        var matches: UInt8 = 0
        for known in users { matches |= Self.same(user, known.name) & Self.same(password, known.password) }
        return matches != 0
    }

    /// 1 or 0, after as many steps as `given` has bytes, which its sender knows anyway.
    private static func same(_ given: [UInt8], _ known: [UInt8]) -> UInt8 {
        var difference = given.count ^ known.count
        for index in given.indices {
            let other = index < known.count ? known[index] : 0
            difference |= Int(given[index] ^ other)
        }
        return difference == 0 ? 1 : 0
    }
}
