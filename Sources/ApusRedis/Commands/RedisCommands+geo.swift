import ApusProtocols

/// A place on the earth, in degrees.
public nonisolated struct RedisCoordinate: Sendable, Hashable {
    /// East of Greenwich, from −180 to 180.
    public let longitude: Double
    /// North of the equator, from −85.05 to 85.05.
    public let latitude: Double

    /// A place.
    public init(longitude: Double, latitude: Double) {
        self.longitude = longitude
        self.latitude = latitude
    }
}

/// A unit of distance.
public nonisolated enum RedisDistanceUnit: String, Sendable {
    /// Metres.
    case metres = "m"
    /// Kilometres.
    case kilometres = "km"
    /// Miles.
    case miles = "mi"
    /// Feet.
    case feet = "ft"
}

/// Where `geoSearch` looks.
public nonisolated enum RedisGeoArea: Sendable, Hashable {
    /// Within a distance.
    case radius(Double, RedisDistanceUnit)
    /// Within a box that has its middle there.
    case box(width: Double, height: Double, RedisDistanceUnit)

    var unit: RedisDistanceUnit {
        switch self {
        case .radius(_, let unit), .box(_, _, let unit): unit
        }
    }

    var words: [any RedisArgument] {
        switch self {
        case .radius(let radius, let unit): ["BYRADIUS", radius, unit.rawValue]
        case .box(let width, let height, let unit): ["BYBOX", width, height, unit.rawValue]
        }
    }
}

/// What `geoSearch` has found.
public nonisolated struct RedisGeoMatch: Sendable, Hashable {
    /// The member, as text.
    public let member: String
    /// How far it is, in the unit of the area.
    public let distance: Double
    /// Where it is.
    public let coordinate: RedisCoordinate
}

extension RedisCommands {
    /// Adds places, or moves them; returns how many are new.
    @discardableResult
    public func geoAdd(_ key: String, _ places: [String: RedisCoordinate]) async throws -> Int {
        if places.isEmpty { return 0 }
        let words = places.flatMap { [$1.longitude, $1.latitude, $0] as [any RedisArgument] }
        return try await count("GEOADD", [key] + words)
    }

    /// The distance between two members; nil when one of them is not there.
    public func geoDist(
        _ key: String, _ first: String, _ second: String, in unit: RedisDistanceUnit = .metres
    ) async throws -> Double? {
        try await readOptional("GEODIST", [key, first, second, unit.rawValue])
    }

    /// Where members are; nil for those that are not there.
    public func geoPos(_ key: String, _ members: String...) async throws -> [RedisCoordinate?] {
        try await command("GEOPOS", arguments: [key] + members).list().map { try $0.isNull ? nil : coordinate($0) }
    }

    /// The hashes of where members are, as geohash.org writes them; nil for those that are not there.
    public func geoHash(_ key: String, _ members: String...) async throws -> [String?] {
        try await command("GEOHASH", arguments: [key] + members).list().map { $0.isNull ? nil : try $0.read() }
    }

    /// Members around a place, the nearest first; so many at most.
    public func geoSearch(
        _ key: String, around place: RedisCoordinate, _ area: RedisGeoArea, limit: Int? = nil
    ) async throws -> [RedisGeoMatch] {
        try await search(key, ["FROMLONLAT", place.longitude, place.latitude], area, limit)
    }

    /// Members around one of them, which is the first; so many at most.
    public func geoSearch(
        _ key: String, aroundMember member: String, _ area: RedisGeoArea, limit: Int? = nil
    ) async throws -> [RedisGeoMatch] {
        try await search(key, ["FROMMEMBER", member], area, limit)
    }

    private func search(
        _ key: String, _ origin: [any RedisArgument], _ area: RedisGeoArea, _ limit: Int?
    ) async throws -> [RedisGeoMatch] {
        var words: [any RedisArgument] = [key] + origin + area.words + ["ASC"]
        if let limit { words += ["COUNT", limit] as [any RedisArgument] }
        words += ["WITHCOORD", "WITHDIST"]
        return try await command("GEOSEARCH", arguments: words).list().map { match in
            let parts = try match.list()
            guard parts.count == 3 else { throw RedisError.unexpectedReply(match) }
            return RedisGeoMatch(
                member: try parts[0].read(), distance: try parts[1].read(), coordinate: try coordinate(parts[2]))
        }
    }

    private func coordinate(_ value: RedisValue) throws(RedisError) -> RedisCoordinate {
        let parts = try value.list()
        guard parts.count == 2 else { throw RedisError.unexpectedReply(value) }
        return RedisCoordinate(longitude: try parts[0].read(), latitude: try parts[1].read())
    }
}
