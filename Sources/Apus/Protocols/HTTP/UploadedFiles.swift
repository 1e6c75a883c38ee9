import ApusProtocols

/// The files of a multipart form, in the order they were sent. File inputs that were left empty are not among them.
public nonisolated struct UploadedFiles: RandomAccessCollection {
    private let owner: HTTPRequest
    private let parts: [MultipartPart]
    /// Which of the parts are files.
    private let places: [Int]

    public typealias Element = UploadedFile
    public typealias Index = Int

    init(owner: HTTPRequest, parts: [MultipartPart]) {
        self.owner = owner
        self.parts = parts
        // Browsers send an empty part without a name where no file was chosen.
        places = parts.indices.filter { place in
            guard let fileName = parts[place].fileName else { return false }
            return !fileName.isEmpty || !parts[place].content.isEmpty
        }
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { places.count }
    public subscript(position: Int) -> UploadedFile {
        UploadedFile(owner: owner, part: parts[places[position]], index: places[position])
    }

    /// The last file of the field; nil when there is none.
    public subscript(name: String) -> UploadedFile? { last { $0.name == name } }

    /// All files of the fields called `name` or `name[]`.
    public func all(_ name: String) -> [UploadedFile] {
        let listName = name + "[]"
        return filter { $0.name == name || $0.name == listName }
    }
}
