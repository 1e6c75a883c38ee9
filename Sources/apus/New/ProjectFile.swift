/// A file of a new package.
nonisolated struct ProjectFile {
    /// From the package's folder on.
    var path: String
    var text: String

    init(_ path: String, _ text: String) {
        self.path = path
        // Literals end without an end of line.
        self.text = text + "\n"
    }

    /// With what stands for `{{mark}}` in it.
    func filled(with values: [(mark: String, text: String)]) -> ProjectFile {
        var file = self
        for (mark, text) in values {
            file.path = file.path.replacing("{{\(mark)}}", with: text)
            file.text = file.text.replacing("{{\(mark)}}", with: text)
        }
        return file
    }
}
