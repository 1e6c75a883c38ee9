/// Where the values of some keys are. Values are JSON, and null is the same as none. Throws `ClusterError`.
protocol GlobalDataStore: AnyObject {
    func get(_ key: String) async throws -> [UInt8]
    /// False when there is no room, or, with `ifMissing`, a value.
    func set(_ key: String, _ json: [UInt8], seconds: Double?, ifMissing: Bool) async throws -> Bool
    func remove(_ key: String) async throws
    /// False when another value is there than `old`. Without `seconds` the new one has the time that the old one had.
    func replace(_ key: String, _ old: [UInt8], _ new: [UInt8], seconds: Double?) async throws -> Bool
    /// The new number; nil when there is none, or it would be none.
    func add(_ key: String, _ step: String) async throws -> String?
    func close()
}
