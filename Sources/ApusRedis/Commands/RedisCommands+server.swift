import ApusProtocols

extension RedisCommands {
    /// Asks whether the server is there.
    public func ping() async throws { try await command("PING") }

    /// What the server says of itself, by name ("redis_version"); of one section ("memory"), or of the usual ones.
    public func info(_ section: String? = nil) async throws -> [String: String] {
        let text = try await read("INFO", section.map { [$0] } ?? [], as: String.self)
        var facts: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(ofASCII: ":") else { continue }
            facts[String(line[..<colon])] = String(line.behind(colon))
        }
        return facts
    }

    /// Settings of the server whose names match a pattern.
    public func configGet(_ pattern: String) async throws -> [String: String] {
        try await command("CONFIG", "GET", pattern).dictionary()
    }

    /// Changes a setting of the server until it is started again.
    public func configSet(_ name: String, _ value: any RedisArgument) async throws {
        try await command("CONFIG", "SET", name, value)
    }

    /// How many keys the database has.
    public func dbSize() async throws -> Int { try await count("DBSIZE", []) }

    /// Empties the database.
    public func flushDB() async throws { try await command("FLUSHDB") }

    /// Empties all databases.
    public func flushAll() async throws { try await command("FLUSHALL") }

    /// The server's clock, in seconds since 1970.
    public func time() async throws -> Double {
        let parts = try await readList("TIME", [], as: Double.self)
        guard parts.count == 2 else { throw RedisError.unexpectedReply(.array(parts.map { .double($0) })) }
        return parts[0] + parts[1] / 1e6
    }

    /// When the server has written its data to disk last, in seconds since 1970.
    public func lastSave() async throws -> Int { try await count("LASTSAVE", []) }

    /// The server begins to write its data to disk.
    public func bgSave() async throws { try await command("BGSAVE") }

    /// Waits until so many replicas have what this connection has changed, for so many milliseconds at most, 0 for
    /// ever; returns how many have. It holds up the connection.
    @discardableResult
    public func wait(forReplicas replicas: Int, milliseconds: Int) async throws -> Int {
        try await count("WAIT", [replicas, milliseconds])
    }

    /// The number by which the server knows this connection.
    public func clientID() async throws -> Int { try await count("CLIENT", ["ID"]) }

    /// The connections of the server, each as its facts by name.
    public func clientList() async throws -> [[String: String]] {
        try await read("CLIENT", ["LIST"], as: String.self).split(whereSeparator: \.isNewline).map { line in
            var facts: [String: String] = [:]
            for word in line.split(atASCII: " ") {
                guard let equals = word.firstIndex(ofASCII: "=") else { continue }
                facts[String(word[..<equals])] = String(word.behind(equals))
            }
            return facts
        }
    }

    /// Ends a connection of the server by its number; false when there is none.
    @discardableResult
    public func clientKill(id: Int) async throws -> Bool {
        try await count("CLIENT", ["KILL", "ID", id, "SKIPME", "no"]) > 0
    }
}
