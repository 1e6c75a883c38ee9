import ApusProtocols
import CApus

/// What forms may hold, and where uploaded files are written that a handler wants as files.
public nonisolated struct FormOptions: Sendable {
    /// Fields of a form or query that are looked at; a form with more is answered 413.
    public var maxFields: Int
    /// Parts of a multipart form, fields and files; one with more is answered 413.
    public var maxParts: Int
    /// Bytes of the header of one part; a longer one is answered 413.
    public var maxPartHeadBytes: Int
    /// Bytes of the name of a part; a longer one is answered 413.
    public var maxNameBytes: Int
    /// Bytes of all fields of a form that `receiveForm` takes, with the names and types of its files; one with more is
    /// answered 413.
    public var maxFieldBytes: Int
    /// The folder of `UploadedFile.temporaryPath`.
    public var temporaryFolder: String

    /// Limits that suit most servers. The folder is `TMPDIR` of the environment, or `/tmp`.
    public init(
        maxFields: Int = 1000, maxParts: Int = 1024, maxPartHeadBytes: Int = 8 * 1024, maxNameBytes: Int = 1024,
        maxFieldBytes: Int = 1024 * 1024,
        temporaryFolder: String? = nil
    ) {
        self.maxFields = maxFields
        self.maxParts = maxParts
        self.maxPartHeadBytes = maxPartHeadBytes
        self.maxNameBytes = maxNameBytes
        self.maxFieldBytes = maxFieldBytes
        self.temporaryFolder = temporaryFolder ?? Self.systemFolder
    }

    private static var systemFolder: String {
        guard let folder = capus_environment("TMPDIR"), folder.pointee != 0 else { return "/tmp" }
        return String(cString: folder)
    }

    var multipartLimits: MultipartLimits {
        MultipartLimits(
            maxParts: maxParts, maxFields: maxFields, maxHeadBytes: maxPartHeadBytes, maxNameBytes: maxNameBytes)
    }
}
