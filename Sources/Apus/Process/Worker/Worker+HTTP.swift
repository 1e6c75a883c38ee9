extension Worker where P == HTTP {
    /// Decides, when the head of a request has arrived, what becomes of the body that follows; asked for requests with
    /// a body alone. Nil keeps it in memory, up to `HTTP.maxRequestBytes`, as without a policy:
    ///
    ///     server.bodyPolicy = { request in request.pathIs("/upload") ? .stream(upTo: 4 << 30) : nil }
    ///
    /// An error that it throws is answered, and the connection closed, before the body arrives.
    public var bodyPolicy: (@MainActor (HTTPRequest) throws -> HTTPBodyPolicy?)? {
        get { httpDriver.bodyPolicy }
        set { httpDriver.bodyPolicy = newValue }
    }

    private var httpDriver: HTTPDriver { unsafeDowncast(driver, to: HTTPDriver.self) }
}
