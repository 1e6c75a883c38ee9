import Apus

extension Router {
    /// Answers paths below `path` with the files of a folder: `router.files("/assets", StaticFiles("public"))` sends
    /// `public/app.js` for `/assets/app.js`. What is not there is answered as `files` says.
    public func files(_ path: String, _ files: StaticFiles) {
        on(.get, (path.hasSuffix("/") ? path.dropLast() : path[...]) + "/*file") { request in
            // What stands before is `path`, behind the prefixes of the groups that it is in.
            let rest = request.parameters.lastCount
            let prefix = request.pathBytes.dropLast(rest)
            let isFolder = prefix.last == UInt8(ascii: "/")
            let text = String(decoding: isFolder ? prefix.dropLast() : prefix, as: UTF8.self)
            return files.response(to: request, below: text) ?? files.notFound(for: request)
        }
    }
}
