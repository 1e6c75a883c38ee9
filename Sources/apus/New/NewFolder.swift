import ApusProtocols
import Glibc

/// A folder that is filled with files, with all or with none.
nonisolated struct NewFolder {
    /// What was made, outer folders first.
    private var made: [String] = []

    /// Makes the files in `folder`, which must be empty, but for `.git`, or missing. What cannot be made whole is taken
    /// back: not a file and not a folder is left behind, and nothing that was there is changed.
    static func fill(_ folder: String, with files: [ProjectFile]) throws(ProjectError) {
        if let names = try TextFile.names(in: folder), names.contains(where: { $0 != ".git" }) {
            throw ProjectError("\(folder) is not empty: nothing was made. --path names another folder")
        }
        var new = NewFolder()
        do throws(ProjectError) {
            for file in files {
                let path = folder + "/" + file.path
                try new.makeFolders(above: path)
                try TextFile.create(path, file.text)
                new.made.append(path)
            }
        } catch {
            for path in new.made.reversed() { remove(path) }
            throw error
        }
    }

    private mutating func makeFolders(above path: String) throws(ProjectError) {
        var folder = ""
        for part in path.split(atASCII: "/").dropLast() {
            folder += "/" + part
            if mkdir(folder, 0o777) == 0 {
                made.append(folder)
            } else if errno != EEXIST {
                throw .system(folder)
            }
        }
    }
}
