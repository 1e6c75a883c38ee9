import ApusProtocols

/// Takes a multipart form while it arrives: files go to disk, fields stay in memory.
private final class FormReceiver: BodySink {
    private let options: FormOptions
    private var stream: MultipartStream
    private(set) var parts: [MultipartPart] = []
    /// The contents of the fields, one behind the other.
    private(set) var fields: [UInt8] = []
    /// Of what the parts' headers say, which is kept as well.
    private var headBytes = 0
    /// The files, by the index of their part.
    private(set) var files: [Int: TemporaryFile] = [:]

    init(boundary: [UInt8], _ options: FormOptions) {
        self.options = options
        stream = MultipartStream(boundary: boundary, limits: options.multipartLimits)
    }

    var wantsMore: Bool { true }

    func take(_ bytes: UnsafeRawBufferPointer) throws { try take(bytes, isLast: false) }

    /// The body has ended.
    func finish() throws { try take(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true) }

    private func take(_ bytes: UnsafeRawBufferPointer, isLast: Bool) throws {
        do {
            try stream.feed(bytes, isLast: isLast) { try note($0) }
        } catch let error as MultipartError {
            throw options.refusal(error)
        }
    }

    private func note(_ event: MultipartStream.Event) throws {
        switch event {
        case .part(var part):
            part.content = fields.count..<fields.count
            headBytes += part.keptBytes
            try checkMemory(adding: 0)
            // Browsers send a part without a name and content where no file was chosen.
            if part.fileName?.isEmpty == false { files[parts.count] = try options.makeTemporaryFile() }
            parts.append(part)
        case .content(let bytes):
            let index = parts.count - 1
            if parts[index].fileName != nil, files[index] == nil { files[index] = try options.makeTemporaryFile() }
            if let file = files[index] { return try file.append(bytes) }
            try checkMemory(adding: bytes.count)
            fields += bytes
            parts[index].content = parts[index].content.lowerBound..<fields.count
        case .partEnd: files[parts.count - 1]?.finish()
        }
    }

    private func checkMemory(adding count: Int) throws {
        guard count <= options.maxFieldBytes - fields.count - headBytes else {
            throw HTTPError(.contentTooLarge, "the fields of the form have more than \(options.maxFieldBytes) bytes")
        }
    }
}

extension HTTPRequest {
    /// Receives a form whose body is streamed (`HTTPBodyPolicy.stream`): `form` and `files` can be used then. The files
    /// of a multipart form are written to `FormOptions.temporaryFolder` as they arrive, in the process' own thread, so
    /// that a slow disk slows its other connections down; fields are kept in memory, up to `FormOptions.maxFieldBytes`.
    /// Files that are not moved elsewhere are removed with the request.
    ///
    ///     server.onMessageAsync = { connection, request in
    ///         try await request.receiveForm()
    ///         try request.files["video"]?.move(to: path)
    ///         connection.send("thanks")
    ///     }
    ///
    /// Errors are those of `bodyStream` and `form`. Nothing happens for a form that was delivered with its request.
    public func receiveForm() async throws {
        guard let intake = extras?.intake else { return }
        guard let type = mediaType, type.isMultipartForm else {
            guard mediaType?.isURLEncodedForm ?? false else {
                throw HTTPError(.unsupportedMediaType, "the body is not a form")
            }
            return try await collectBody(upTo: formOptions.maxFieldBytes)
        }
        guard let boundary = type.boundary else { throw formOptions.refusal(.noBoundary) }
        let receiver = FormReceiver(boundary: boundary, formOptions)
        try await intake.fill(receiver)
        try receiver.finish()
        adopt(body: receiver.fields, trailers: intake.trailerLines)
        let extras = moreExtras
        extras.intake = nil
        extras.temporaryFiles = receiver.files
        extras.parts = .success(
            receiver.parts.map { part in
                var part = part
                part.content = part.content.moved(by: bodyStart)
                return part
            })
    }
}

extension FormOptions {
    /// A file for the content of an uploaded one.
    @MainActor func makeTemporaryFile() throws(SystemError) -> TemporaryFile {
        try TemporaryFile(prefix: "\(temporaryFolder)/apus.upload.")
    }

    /// How a multipart form is answered that cannot be read.
    func refusal(_ error: MultipartError) -> HTTPError {
        switch error {
        case .noBoundary: HTTPError(.badRequest, "the multipart form has no boundary")
        case .truncated: HTTPError(.badRequest, "the multipart form is not complete")
        case .malformedPart: HTTPError(.badRequest, "a part of the multipart form is malformed")
        case .transferEncoding: HTTPError(.unsupportedMediaType, "parts of a form are not to be encoded")
        case .tooManyParts: HTTPError(.contentTooLarge, "the multipart form has more than \(maxParts) parts")
        case .tooManyFields: HTTPError(.contentTooLarge, "the form has more than \(maxFields) fields")
        case .headTooLarge:
            HTTPError(.contentTooLarge, "a part's header has more than \(maxPartHeadBytes) bytes")
        case .nameTooLong: HTTPError(.contentTooLarge, "a field's name has more than \(maxNameBytes) bytes")
        }
    }
}
