public import Apus
import ApusProtocols

/// The files of a folder, as answers to requests for their paths.
///
///     let files = StaticFiles("/srv/www")
///     server.onMessage = { connection, request in connection.send(files.answer(to: request)) }
///
/// GET and HEAD, ranges and conditions as `HTTPResponse(file:for:)` has them; a folder is answered with its index file,
/// and asked for without its slash redirected to it. Nothing is served that lies outside of the folder, whatever the
/// path says and wherever symbolic links lead. Files stay open, and small ones in memory, for the next request; they
/// are looked at again every second.
public final class StaticFiles {
    /// The folder.
    public let root: String
    private let options: StaticFileOptions
    private let cache: SiteFileCache
    private let interval: Int64
    private var folder: OpenFolder?
    /// When the folder was opened, in nanoseconds: its name may lead to another one by now.
    private var folderOpened = Int64.min

    /// Serves the folder at a path. It is opened with the first request, and may be replaced with another one.
    public init(_ root: String, _ options: StaticFileOptions = StaticFileOptions()) {
        self.root = root
        self.options = options
        cache = SiteFileCache(maxFiles: options.maxOpenFiles, maxBytes: options.maxCachedBytes)
        interval = Int64(max(0, min(options.revalidationInterval, 1e9)) * 1e9)
    }

    nonisolated deinit {}

    // MARK: Answers

    /// The answer to a request; nil when there is nothing of that path, so that somebody else can answer it.
    public func response(to request: HTTPRequest) -> HTTPResponse? { response(to: request, below: "") }

    /// The same, for files whose paths begin with `prefix`, such as "/assets", which the folder does not know of.
    public func response(to request: HTTPRequest, below prefix: String) -> HTTPResponse? {
        let path = UnsafeRawBufferPointer(rebasing: request.pathBytes.dropFirst(prefix.utf8.count))
        guard request.pathBytes.starts(with: prefix.utf8) else { return nil }
        if path.isEmpty { return redirect(to: prefix + "/", request.query) }
        let now = EventLoop.current?.now ?? 0
        let isRead = request.method == .get || request.method == .head
        let hit = known(path, now)
        if let hit, isRead { return hit.response(to: request) }
        let found = hit.map { Found.file($0) } ?? find(path, now)
        if !isRead { return found.isNothing ? nil : refuseMethod() }
        switch found {
        case .file(let file): return file.response(to: request)
        case .folder(let path): return redirect(to: prefix + path.encodedAsFolder, request.query)
        case .elsewhere(let path): return redirect(to: prefix + path.encoded, request.query)
        case .listing(let folder, let path): return list(folder, path)
        case .failure(let failure): return withHeaders(HTTPResponse(failure))
        case .nothing(let path): return fallback(for: path, request, now)
        }
    }

    /// The answer to a request, 404 with the site's own page when there is nothing of that path.
    public func answer(to request: HTTPRequest) -> HTTPResponse { response(to: request) ?? notFound(for: request) }

    /// The answer when there is nothing: 404 with the site's own page if there is one.
    public func notFound(for request: HTTPRequest) -> HTTPResponse {
        if let page = options.notFoundPage, let file = file(at: page, EventLoop.current?.now ?? 0) {
            return file.page(.notFound, for: request)
        }
        return withHeaders(HTTPResponse(page: .notFound))
    }

    private func refuseMethod() -> HTTPResponse {
        var response = withHeaders(HTTPResponse(page: .methodNotAllowed))
        response.headers["Allow"] = "GET, HEAD"
        return response
    }

    private func redirect(to path: String, _ query: String) -> HTTPResponse {
        withHeaders(.redirect(to: path + (query.isEmpty ? "" : "?\(query)"), .movedPermanently))
    }

    private func list(_ folder: OpenFolder, _ path: SitePath) -> HTTPResponse {
        withHeaders(
            FolderListing(
                folder, path, servesHiddenFiles: options.servesHiddenFiles, followsLinks: options.followsSymlinks
            ).response)
    }

    private func withHeaders(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers.add(contentsOf: options.headers)
        return response
    }

    /// The page of an application that reads the path itself.
    private func fallback(for path: SitePath?, _ request: HTTPRequest, _ now: Int64) -> HTTPResponse? {
        guard let fallback = options.fallback, let path, !path.isHidden,
            path.components.last?.contains(UInt8(ascii: ".")) != true
        else { return nil }
        return file(at: fallback, now)?.response(to: request)
    }

    // MARK: Finding

    private enum Found {
        case file(SiteFile)
        /// A folder that was asked for like a file.
        case folder(SitePath)
        /// What was asked for with slashes in a row. It is not served there: a router that lets nobody into its folder
        /// without a password takes such a path for one of another folder.
        case elsewhere(SitePath)
        case listing(OpenFolder, SitePath)
        case failure(OpenFile.Failure)
        case nothing(SitePath?)

        var isNothing: Bool {
            if case .nothing = self { true } else { false }
        }
    }

    /// A file that an option names.
    private func file(at path: String, _ now: Int64) -> SiteFile? {
        let path = path.hasPrefix("/") ? path : "/" + path
        guard let path = Array(path.utf8).withUnsafeBytes({ sitePath($0) }), case .file(let file) = find(path, now)
        else { return nil }
        return file
    }

    /// The file that a path led to not long ago.
    private func known(_ path: UnsafeRawBufferPointer, _ now: Int64) -> SiteFile? {
        guard let file = cache[path], now - file.checked < interval else { return nil }
        file.used = now
        return file
    }

    /// Looks for what the path of a request names.
    private func find(_ bytes: UnsafeRawBufferPointer, _ now: Int64) -> Found {
        guard let path = sitePath(bytes) else { return .nothing(nil) }
        let found = find(path, now)
        switch found {
        case .file, .listing: return path.hasEmptyNames ? .elsewhere(path) : found
        case .folder, .elsewhere, .failure, .nothing: return found
        }
    }

    /// Files are kept under one way to write their path, whatever others lead to them.
    private func find(_ path: SitePath, _ now: Int64) -> Found {
        Array(path.encoded.utf8).withUnsafeBytes { key -> Found in
            if let known = known(key, now) { return .file(known) }
            return search(path, key, now)
        }
    }

    /// Nil for what is never served.
    private func sitePath(_ bytes: UnsafeRawBufferPointer) -> SitePath? {
        guard let path = SitePath(bytes), options.servesHiddenFiles || !path.isHidden else { return nil }
        return path
    }

    /// Looks on the disk.
    private func search(_ path: SitePath, _ key: UnsafeRawBufferPointer, _ now: Int64) -> Found {
        var opened = open(path, now)
        if case .found(.failure(.unavailable)) = opened {
            // Descriptors that are only kept for later may be what is missing.
            cache.removeOldest(now)
            opened = open(path, now)
        }
        switch opened {
        case .sources(let sources, let name): return .file(keep(sources, name, key, now))
        case .found(let found):
            cache.remove(key)
            return found
        }
    }

    private enum Opened {
        case sources([SiteFile.Source], name: String)
        case found(Found)

        static func failure(_ failure: OpenFile.Failure) -> Opened { .found(.failure(failure)) }
    }

    private func open(_ path: SitePath, _ now: Int64) -> Opened {
        do throws(OpenFile.Failure) {
            let root = try openRoot(now)
            switch try root.open(path.components, followsLinks: options.followsSymlinks) {
            case .file(let file):
                guard !path.isFolder else { return .found(.nothing(path)) }
                return .sources(variants(of: file, path.components, root), name: path.text)
            case .folder(let folder):
                guard path.isFolder else { return .found(.folder(path)) }
                for index in options.indexFiles {
                    let place = path.components + [Array(index.utf8)]
                    guard let item = try open(place, root), case .file(let file) = item else { continue }
                    return .sources(variants(of: file, place, root), name: index)
                }
                return .found(options.listsFolders ? .listing(folder, path) : .nothing(path))
            }
        } catch .missing {
            return .found(.nothing(path))
        } catch {
            return .failure(error)
        }
    }

    /// Nil for what is missing.
    private func open(_ place: [[UInt8]], _ root: OpenFolder) throws(OpenFile.Failure) -> OpenFolder.Item? {
        do throws(OpenFile.Failure) {
            return try root.open(place, followsLinks: options.followsSymlinks)
        } catch .missing {
            return nil
        } catch {
            throw error
        }
    }

    private func variants(of file: OpenFile, _ place: [[UInt8]], _ root: OpenFolder) -> [SiteFile.Source] {
        var sources = [SiteFile.Source(coding: nil, file: file)]
        guard options.servesPrecompressedFiles else { return sources }
        for coding in HTTPContentCoding.allCases {
            var place = place
            place[place.count - 1] += Array(".\(coding.fileExtension)".utf8)
            guard case .file(let file)? = try? root.open(place, followsLinks: options.followsSymlinks) else { continue }
            sources.append(SiteFile.Source(coding: coding, file: file))
        }
        return sources
    }

    /// The file that is known, if what was opened is still the same.
    private func keep(
        _ sources: [SiteFile.Source], _ name: String, _ path: UnsafeRawBufferPointer, _ now: Int64
    ) -> SiteFile {
        if let known = cache[path] {
            if known.isSame(as: sources) {
                known.checked = now
                known.used = now
                return known
            }
            cache.remove(path)
        }
        var headers = options.headers
        if let value = cacheControl(of: name) { headers.add("Cache-Control", value) }
        let file = SiteFile(path: Array(path), name: name, sources, headers: headers, room: cache.room, now: now)
        cache.insert(file, now: now)
        return file
    }

    private func cacheControl(of name: String) -> String? {
        if let dot = name.lastIndex(ofASCII: "."),
            let value = options.cacheControlByExtension[name.behind(dot).lowercased()]
        {
            return value
        }
        return options.cacheControl
    }

    private func openRoot(_ now: Int64) throws(OpenFile.Failure) -> OpenFolder {
        if let folder, now - folderOpened < interval { return folder }
        folder = nil
        let opened = try OpenFolder(root)
        folder = opened
        folderOpened = now
        return opened
    }
}

/// Why a folder cannot be served.
public struct StaticFilesError: Error, CustomStringConvertible, Sendable {
    /// What is wrong, and with which folder.
    public let description: String

    init(_ description: String) { self.description = description }
}

extension StaticFiles {
    /// Looks whether there is a folder at a path that this process may read.
    public static func check(_ root: String) throws(StaticFilesError) {
        do throws(OpenFile.Failure) {
            _ = try OpenFolder(root)
        } catch .missing {
            throw StaticFilesError("\(root) is no folder")
        } catch .notAllowed {
            throw StaticFilesError("the folder \(root) may not be read")
        } catch {
            throw StaticFilesError("the folder \(root) cannot be opened: the system has no descriptor or memory left")
        }
    }
}
