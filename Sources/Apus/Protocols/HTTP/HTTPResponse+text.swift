extension HTTPResponse: ExpressibleByStringInterpolation {
    /// A response with status 200 and a body of text.
    public nonisolated init(stringLiteral text: String) { self.init(body: text) }
}
