import ApusProtocols

extension HTTPRequest {
    /// The fields of the query, `?a=1&b=2`.
    public var queryParameters: FormFields {
        let start = Int(parser.head.targetStart)
        let end = start + Int(parser.head.targetCount)
        return FormFields(owner: self, source: .encoded(min(start + pathCount + 1, end)..<end))
    }

    /// The cookies that came with the request.
    public var cookies: RequestCookies { RequestCookies(owner: self) }

    /// The trailer fields of a chunked body.
    public var trailers: HTTPTrailers { HTTPTrailers(owner: self) }

    /// The fields of a form that is the body, `application/x-www-form-urlencoded` or `multipart/form-data` (RFC 7578).
    /// A request without a body has none.
    ///
    /// A body of another type is an error with status 415, one that cannot be read 400, and one with more than
    /// `FormOptions` allow 413; uncaught, that is what the client gets.
    public var form: FormFields {
        get throws(HTTPError) {
            if let parts = try multipartParts() { return FormFields(owner: self, source: .parts(parts)) }
            let range = bodyStart..<(bodyStart + bodyCount)
            guard URLEncodedScanner.count(slice(range), upTo: formOptions.maxFields) <= formOptions.maxFields else {
                throw HTTPError(.contentTooLarge, "the form has more than \(formOptions.maxFields) fields")
            }
            return FormFields(owner: self, source: .encoded(range))
        }
    }

    /// The files of a `multipart/form-data` body; none for other forms. Errors are those of `form`.
    public var files: UploadedFiles {
        get throws(HTTPError) { UploadedFiles(owner: self, parts: try multipartParts() ?? []) }
    }

    /// What the `Content-Type` says; nil when there is none, or more than one.
    package var mediaType: MediaType? {
        var found: Range<Int>?
        for index in 0..<parser.head.fieldCount where isField(index, "content-type") {
            guard found == nil else { return nil }
            let field = parser.fields[index]
            found = Int(field.valueStart)..<(Int(field.valueStart) + Int(field.valueCount))
        }
        return found.flatMap { MediaType(slice($0)) }
    }

    /// Nil for a form that is not multipart.
    private func multipartParts() throws(HTTPError) -> [MultipartPart]? {
        if let parts = extras?.parts { return try parts.get() }
        let type = mediaType
        if type?.isMultipartForm ?? false { return try parts(boundary: type?.boundary) }
        guard type?.isURLEncodedForm ?? false || bodyCount == 0 else {
            throw HTTPError(.unsupportedMediaType, "the body is not a form")
        }
        return nil
    }
}
