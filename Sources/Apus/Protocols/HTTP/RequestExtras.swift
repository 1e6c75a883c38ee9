import ApusProtocols

/// What few requests need: what was made of the body, and what user code keeps with the request. Gone with it.
///
/// Nothing in here refers to the request, which could otherwise never be used again.
final class RequestExtras {
    /// The parts of a multipart body, with their contents as places in the request, or why it has none.
    var parts: Result<[MultipartPart], HTTPError>?
    /// Files that were written, by the index of their part.
    var temporaryFiles: [Int: TemporaryFile] = [:]
    var userStorage: [ObjectIdentifier: Any] = [:]
    /// What hands the body on, for a request that was delivered before it.
    var intake: BodyIntake?
    /// Errors are shown to clients: what becomes of the request is noted.
    var isWatched = false
    /// What the router found in the path.
    var pathParameters = PathParameters()

    nonisolated deinit {}
}

extension HTTPRequest {
    var moreExtras: RequestExtras {
        if let extras { return extras }
        let made = RequestExtras()
        extras = made
        return made
    }

    /// Values of your own that live as long as the request, for what handles it in turn.
    public subscript<Key: StorageKey>(_ key: Key.Type) -> Key.Value? {
        get { extras?.userStorage[ObjectIdentifier(key)] as? Key.Value }
        set { moreExtras.userStorage[ObjectIdentifier(key)] = newValue }
    }

    /// The parts of the path that the route left open; none without a router.
    public package(set) var parameters: PathParameters {
        get { extras?.pathParameters ?? PathParameters() }
        set { moreExtras.pathParameters = newValue }
    }

    /// The parts of the body, cut once.
    func parts(boundary: [UInt8]?) throws(HTTPError) -> [MultipartPart] {
        let extras = moreExtras
        if let parts = extras.parts { return try parts.get() }
        do throws(MultipartError) {
            guard let boundary else { throw .noBoundary }
            let parser = MultipartParser(boundary: boundary, limits: formOptions.multipartLimits)
            var parts = try parser.parse(slice(bodyStart..<(bodyStart + bodyCount)))
            for index in parts.indices { parts[index].content = parts[index].content.moved(by: bodyStart) }
            extras.parts = .success(parts)
            return parts
        } catch {
            let refusal = formOptions.refusal(error)
            extras.parts = .failure(refusal)
            throw refusal
        }
    }

    /// The file with the content of an uploaded one, written now unless it was as it arrived.
    func temporaryFile(of file: UploadedFile) throws(SystemError) -> TemporaryFile {
        let extras = moreExtras
        if let written = extras.temporaryFiles[file.index] { return written }
        let written = try formOptions.makeTemporaryFile()
        try written.append(slice(file.part.content))
        written.finish()
        extras.temporaryFiles[file.index] = written
        return written
    }

    /// Forgets the file, which has another name by now.
    func removeTemporaryFile(of file: UploadedFile) { extras?.temporaryFiles[file.index] = nil }
}
