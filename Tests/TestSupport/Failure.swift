/// Why a test could not go on.
public struct Failure: Error, CustomStringConvertible {
    /// One or more lines for the report.
    public let description: String

    /// A failure that says `description`.
    public init(_ description: String) { self.description = description }
}
