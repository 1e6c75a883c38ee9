/// What a server remembers of one client between its requests: values under names, kept as JSON.
///
/// Get it with `try await request.session`. It is saved by `Sessions` when the response is made, and only if something
/// has changed; one without values is not kept, and its client gets no cookie. Parallel requests of one client have
/// each a session of their own: of those that change it, the last one to be answered wins.
public final class Session {
    /// The id: what the cookie holds.
    public private(set) var id: String
    /// Nothing of it is in the store yet.
    public var isNew: Bool { storedID == nil }
    /// Whether it has no values.
    public var isEmpty: Bool { values.isEmpty }
    /// The names of its values, sorted.
    public var keys: [String] { values.texts.keys.sorted() }

    private(set) var values: SessionValues
    /// The id that the store has it under.
    private(set) var storedID: String?
    /// The entry under `storedID` is to go when the session has another id.
    private(set) var removesStored = false
    private(set) var isChanged = false
    /// What could not be encoded.
    private(set) var failure: SessionError?
    /// The server has chosen the id: the client is told even when the store knew it.
    private(set) var isAdopted = false

    /// One that the store does not know.
    init(newID: String, isAdopted: Bool = false) {
        id = newID
        values = SessionValues()
        self.isAdopted = isAdopted
    }

    /// One that the store knows.
    init(storedID: String, _ values: SessionValues, isAdopted: Bool = false) {
        id = storedID
        self.storedID = storedID
        self.values = values
        self.isAdopted = isAdopted
    }

    nonisolated deinit {}

    // MARK: Values

    /// The value under a name; nil when there is none, or it is of another type. Setting nil removes it. A value that
    /// JSON cannot hold fails the request where the session is saved.
    public subscript<Value: Codable>(name: String) -> Value? {
        get { try? values.value(name, as: Value.self) }
        set {
            do throws(SessionError) {
                try set(name, newValue)
            } catch {
                failure = failure ?? error
            }
        }
    }

    /// The value of a typed key.
    public subscript<Value: Codable>(key: SessionKey<Value>) -> Value? {
        get { self[key.name] }
        set { self[key.name] = newValue }
    }

    /// The value under a name, or another one while there is none: `session["visits", default: 0] += 1`.
    public subscript<Value: Codable>(name: String, default fallback: @autoclosure () -> Value) -> Value {
        get { self[name] ?? fallback() }
        set { self[name] = newValue }
    }

    /// The value of a typed key, or another one while there is none.
    public subscript<Value: Codable>(key: SessionKey<Value>, default fallback: @autoclosure () -> Value) -> Value {
        get { self[key.name] ?? fallback() }
        set { self[key.name] = newValue }
    }

    /// The value under a name; nil when there is none. Throws when it is of another type.
    public func get<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws(SessionError) -> Value? {
        do {
            return try values.value(name, as: type)
        } catch {
            throw .typeMismatch(key: name)
        }
    }

    /// Sets the value under a name; nil removes it. Throws, and changes nothing, when JSON cannot hold it.
    public func set<Value: Encodable>(_ name: String, _ value: Value?) throws(SessionError) {
        guard let value else { return remove(name) }
        do {
            if try values.set(name, value) { isChanged = true }
        } catch {
            throw .notEncodable(key: name, reason: "\(error)")
        }
    }

    /// Removes the value under a name.
    public func remove(_ name: String) {
        if values.remove(name) { isChanged = true }
    }

    /// Removes a value and returns it: for what is shown once. One of another type stays.
    public func pull<Value: Codable>(_ name: String, as type: Value.Type = Value.self) -> Value? {
        guard let value = self[name] as Value? else { return nil }
        remove(name)
        return value
    }

    /// Removes the value of a typed key and returns it.
    public func pull<Value: Codable>(_ key: SessionKey<Value>) -> Value? { pull(key.name) }

    /// Whether there is a value under a name.
    public func contains(_ name: String) -> Bool { values.texts[name] != nil }

    /// Whether there is a value for a typed key.
    public func contains<Value>(_ key: SessionKey<Value>) -> Bool { contains(key.name) }

    /// Removes all values: the entry in the store goes, and so does the cookie.
    public func removeAll() {
        if !isEmpty { isChanged = true }
        values.removeAll()
    }

    // MARK: Identity

    /// Gives the session a new id; its values stay. Call it whenever a client gains rights, above all when somebody
    /// logs in: an id that another one may have seen or planted before then is worth nothing afterwards. `deletingOld:
    /// false` leaves what is stored under the old id for requests that are on their way, until its time has passed; one
    /// of them that changes the session and is answered later gives the client the old id back.
    public func regenerate(deletingOld: Bool = true) {
        id = SessionID.random()
        // Once it is to go, it goes.
        if deletingOld { removesStored = true }
    }

    /// Ends the session: for logging out. Its values are gone, and values set afterwards belong to a new one.
    public func destroy() {
        removeAll()
        regenerate()
    }

    /// The store has it now as it is here, or has nothing of it.
    func saved() {
        storedID = isEmpty ? nil : id
        removesStored = false
        isChanged = false
        isAdopted = false
    }
}
