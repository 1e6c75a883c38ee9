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
    @MainActor public var size: Int { received?.size ?? part.content.count }
    /// The content, in place: in the request, or in the file that `HTTPRequest.receiveForm` wrote. Keeping the view
    /// keeps the request.
    @MainActor public var bytes: ByteView {
        get throws(SystemError) {
            guard let received else { return ByteView(owner: owner, range: part.content) }
            return ByteView(owner: owner, range: 0..<received.size, file: try received.bytes())
        }
    }

    /// The file that the content was written to as it arrived.
    @MainActor private var received: TemporaryFile? {
        part.content.isEmpty ? owner.extras?.temporaryFiles[index] : nil
    }

    /// The path of a file with the content, for programs that want one. It is written when it is first asked for, into
    /// `FormOptions.temporaryFolder` under a name that nobody can guess, readable for this user alone, and removed with
    /// the request, unless it was moved elsewhere by then. Blocks until it is written. What `HTTPRequest.receiveForm`
    /// wrote is nowhere else: once such a file was moved, `bytes` and `move` throw.
    @MainActor public var temporaryPath: String {
        get throws(SystemError) { try owner.temporaryFile(of: self).path }
    }

    /// Writes the content as a file at `path`, which appears there complete or not at all and replaces what has that
    /// name; a symbolic link is replaced, not followed. Blocks until it is written.
    @MainActor public func move(to path: String, permissions: UInt32 = 0o644) throws(SystemError) {
        // C would write to what stands before the zero.
        guard !path.utf8.contains(0) else { throw SystemError("write \(path)", Int32(CAPUS_INVALID_ARGUMENT)) }
        do throws(SystemError) {
            if let received {
                try received.move(to: path, permissions: permissions)
                return owner.removeTemporaryFile(of: self)
            }
        } catch {
            // Another file system: the content has to move.
            guard error.code == Int32(CAPUS_OTHER_DEVICE) else { throw error }
        }
        let temporary = try TemporaryFile(prefix: Self.prefix(besides: path))
        let content = try bytes
        try content.withUnsafeBytes { (bytes) throws(SystemError) in try temporary.append(bytes) }
        try temporary.move(to: path, permissions: permissions)
        owner.removeTemporaryFile(of: self)
    }

    /// A temporary file that can take the place of `path` at once has to be in the same folder.
    static func prefix(besides path: String) -> String {
        let folder = path.lastIndex(ofASCII: "/").map { path[...$0] } ?? ""
        return "\(folder).apus.upload."
    }
}
