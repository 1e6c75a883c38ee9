import ApusProtocols
import CApus

/// A time zone with its history and its rule for the future, as the system's time zone files (TZif, RFC 9636) tell it.
public nonisolated struct ZoneInfo: Sendable, Hashable, CustomStringConvertible {
    /// Such as `Europe/Berlin`; `local` for the zone of this system.
    public let name: String
    private let data: ZoneFile

    /// Coordinated universal time.
    public static let utc = ZoneInfo(name: "UTC", data: ZoneFile(rule: PosixZoneRule("UTC0")))

    /// The zone of this system: what the environment variable TZ says, else `/etc/localtime`. UTC where neither can be
    /// understood.
    public static var local: ZoneInfo {
        let setting = capus_environment("TZ").map { String(cString: $0) }
        return ZoneInfo(name: "local", data: local(setting: setting) ?? utc.data)
    }

    /// Reads a zone of the system's time zone database, such as `Europe/Berlin`, from `/usr/share/zoneinfo`. Throws
    /// when there is none of that name or its file cannot be understood.
    public init(_ name: String) throws(ZoneInfoError) {
        self.name = name
        if name == "UTC" {
            data = Self.utc.data
            return
        }
        // A name is no path to somewhere else.
        guard Self.isName(name) else { throw ZoneInfoError(name: name, reason: "this is no name of a time zone") }
        do {
            data = try ZoneFile(path: Self.folder + name)
        } catch {
            throw ZoneInfoError(name: name, reason: error.description)
        }
    }

    /// Takes the bytes of a time zone file.
    package init(name: String, file bytes: [UInt8]) throws(ZoneInfoError) {
        self.name = name
        do {
            data = try ZoneFile(bytes)
        } catch {
            throw ZoneInfoError(name: name, reason: error.description)
        }
    }

    /// Takes what the environment variable TZ could say.
    package init(setting: String) {
        self.init(name: "local", data: Self.local(setting: setting) ?? Self.utc.data)
    }

    private init(name: String, data: ZoneFile) {
        self.name = name
        self.data = data
    }

    /// Seconds that the zone's clocks are ahead of UTC at a Unix time; negative west of Greenwich.
    public func secondsFromUTC(at unixTime: Int) -> Int { period(at: unixTime).offset }

    /// The zone's name.
    public var description: String { name }

    func period(at unixTime: Int) -> ZonePeriod { data.period(at: ZonePeriod.bounded(unixTime)) }

    private static let folder = "/usr/share/zoneinfo/"

    /// As the C library reads TZ: the name of a zone, the path of a file, or a rule.
    private static func local(setting: String?) -> ZoneFile? {
        guard var setting else { return try? ZoneFile(path: "/etc/localtime") }
        if setting.hasPrefix(":") { setting.removeFirst() }
        if setting.hasPrefix("/") { return try? ZoneFile(path: setting) }
        if isName(setting), let file = try? ZoneFile(path: folder + setting) { return file }
        return PosixZoneRule(setting).map { ZoneFile(rule: $0) }
    }

    private static func isName(_ text: String) -> Bool {
        let isFit = text.utf8.allSatisfy { byte in
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 <= 9 || "/_+-".utf8.contains(byte)
        }
        return isFit && text.split(atASCII: "/", omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty }
    }
}

/// A time zone that is not known or whose file cannot be understood.
public nonisolated struct ZoneInfoError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The zone's name.
    public let name: String
    /// What is wrong.
    public let reason: String
    /// One line for the user.
    public var description: String { "time zone \"\(name)\": \(reason)" }
}
