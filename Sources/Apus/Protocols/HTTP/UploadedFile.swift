import ApusProtocols
import CApus

/// A file of a multipart form. Its bytes stay where they arrived until somebody wants them elsewhere.
public nonisolated struct UploadedFile {
    let owner: HTTPRequest
    let part: MultipartPart
    let index: Int

    /// The name of the form's field.
    public var name: String { part.name }
    /// What the client calls the file, without folders and what else does not belong into a file's name: see
    /// `fullPath` for that. "" when nothing is left. Two files may have one name.
    public var clientName: String { FormName.base(fullPath) }
    /// The name as the client sent it; with its folders for a folder that was uploaded. Never a path on this machine:
    /// it may be absolute, or lead upwards.
    public var fullPath: String { part.path ?? part.fileName ?? "" }
    /// The media type the client claims; nil when it did not.
    public var contentType: String? { part.contentType }
    /// How many bytes the file has.
    public var size: Int { part.content.count }
    /// The content, in place. Keeping the view keeps the request.
    public var bytes: ByteView { ByteView(owner: owner, range: part.content) }

    /// The path of a file with the content, for programs that want one. It is written when it is first asked for, into
    /// `FormOptions.temporaryFolder` under a name that nobody can guess, readable for this user alone, and removed with
    /// the request, unless it was moved elsewhere by then. Blocks until it is written.
    @MainActor public var temporaryPath: String {
        get throws(SystemError) { try owner.temporaryFile(of: self).path }
    }

    /// Writes the content as a file at `path`, which appears there complete or not at all and replaces what has that
    /// name; a symbolic link is replaced, not followed. Blocks until it is written.
    @MainActor public func move(to path: String, permissions: UInt32 = 0o644) throws(SystemError) {
        // C would write to what stands before the zero.
        guard !path.utf8.contains(0) else { throw SystemError("write \(path)", Int32(CAPUS_INVALID_ARGUMENT)) }
        // In the same folder, so that it can take its place at once.
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
        let temporary = try TemporaryFile(prefix: "\(folder).apus.upload.", content: bytes, permissions: permissions)
        let failure = capus_rename_file(temporary.path, path)
        guard failure == 0 else { throw SystemError("write \(path)", -failure) }
        owner.removeTemporaryFile(of: self)
    }
}
