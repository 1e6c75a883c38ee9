import CApus

/// A folder that is open, and the files beneath it.
package nonisolated final class OpenFolder: Sendable {
    private let fd: Int32
    /// As it was when it was opened.
    package let state: FileState

    /// What a path leads to.
    package enum Item {
        case file(OpenFile)
        case folder(OpenFolder)

        /// As it was when it was opened.
        package var state: FileState {
            switch self {
            case .file(let file): file.state
            case .folder(let folder): folder.state
            }
        }
    }

    /// Opens a folder.
    package init(_ path: String) throws(OpenFile.Failure) {
        guard !path.utf8.contains(0) else { throw .missing }
        var facts = capus_file_facts()
        let fd = capus_open_at(-1, path, CAPUS_LINKS_ALL, &facts)
        guard fd >= 0 else { throw OpenFile.Failure(code: fd) }
        guard facts.is_folder else {
            capus_close(fd)
            throw .missing
        }
        self.fd = fd
        state = FileState(facts)
    }

    private init(fd: Int32, _ state: FileState) {
        self.fd = fd
        self.state = state
    }

    deinit { capus_close(fd) }

    /// Opens what `components` lead to, one below the other; none lead to the folder itself. They hold neither slashes
    /// nor NUL, and are not "..". What symbolic links lead to is opened if it is beneath the folder, or with
    /// `followsLinks` wherever it is.
    package func open(_ components: [[UInt8]], followsLinks: Bool) throws(OpenFile.Failure) -> Item {
        let path = components.isEmpty ? [UInt8(ascii: ".")] : Array(components.joined(separator: [UInt8(ascii: "/")]))
        do throws(Refusal) {
            return try open(path, followsLinks ? CAPUS_LINKS_ALL : CAPUS_LINKS_BENEATH)
        } catch {
            guard error.isOfSystemCall, !followsLinks else { throw OpenFile.Failure(code: error.code) }
            return try openWithoutLinks(components)
        }
    }

    /// For kernels that cannot tell where a link leads: follows none.
    func openWithoutLinks(_ components: [[UInt8]]) throws(OpenFile.Failure) -> Item {
        var item = Item.folder(self)
        for component in components.isEmpty ? [[UInt8(ascii: ".")]] : components {
            guard case .folder(let folder) = item else { throw .missing }
            do throws(Refusal) {
                item = try folder.open(component, CAPUS_LINKS_NONE)
            } catch {
                throw OpenFile.Failure(code: error.code)
            }
        }
        return item
    }

    private struct Refusal: Error {
        let code: Int32
        /// The kernel does not know the call, or a filter keeps it from us.
        var isOfSystemCall: Bool { -Int(code) == Int(CAPUS_NO_SYSTEM_CALL) || -Int(code) == Int(CAPUS_FORBIDDEN) }
    }

    private func open(_ path: [UInt8], _ links: capus_links) throws(Refusal) -> Item {
        var facts = capus_file_facts()
        let opened = (path + [0]).withUnsafeBytes {
            capus_open_at(fd, $0.baseAddress!.assumingMemoryBound(to: CChar.self), links, &facts)
        }
        guard opened >= 0 else { throw Refusal(code: opened) }
        let state = FileState(facts)
        return facts.is_folder
            ? .folder(OpenFolder(fd: opened, state)) : .file(OpenFile(fd: opened, state))
    }

    /// The names in it but "." and "..", in no order.
    package var names: [[UInt8]] {
        var facts = capus_file_facts()
        let listed = capus_open_at(fd, ".", CAPUS_LINKS_NONE, &facts)
        guard listed >= 0 else { return [] }
        var names: [[UInt8]] = []
        _ = withUnsafeMutablePointer(to: &names) { names in
            capus_list_folder(listed, names) { context, name in
                let names = context.assumingMemoryBound(to: [[UInt8]].self)
                // Not a String: names need not be UTF-8.
                var count = 0
                while name[count] != 0 { count += 1 }
                names.pointee.append(Array(UnsafeRawBufferPointer(start: name, count: count)))
            }
        }
        return names.filter { $0 != [UInt8(ascii: ".")] && $0 != Array("..".utf8) }
    }
}
