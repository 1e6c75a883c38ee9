import Glibc

/// Strings as `execve` takes them, freed with the last reference.
final class CStrings {
    let pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) { pointers = strings.map { strdup($0) } + [nil] }

    deinit { for pointer in pointers { free(pointer) } }

    /// The environment of this process.
    static var environment: [String] {
        var strings: [String] = []
        var variable = environ
        while let text = variable.pointee {
            strings.append(String(cString: text))
            variable += 1
        }
        return strings
    }
}
