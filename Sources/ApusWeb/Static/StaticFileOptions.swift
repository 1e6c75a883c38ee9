public import Apus

/// How a folder is served: see `StaticFiles`.
public nonisolated struct StaticFileOptions: Sendable {
    /// What is served for a folder: the first of these files that it has.
    public var indexFiles = ["index.html"]
    /// Folders without an index file are answered with a list of what they hold.
    public var listsFolders = false
    /// Files and folders whose names begin with a dot are served, too. `.well-known` at the top always is.
    public var servesHiddenFiles = false
    /// Symbolic links are followed wherever they lead. Otherwise only those are that stay beneath the root on their
    /// whole way, which absolute ones do not; before Linux 5.6 none are.
    public var followsSymlinks = false
    /// A file is sent in the form of the file `name.br` or `name.gz` beside it to clients that take it.
    public var servesPrecompressedFiles = true
    /// The file, as a path from the root, that is served in place of what is not there, for applications of one page
    /// that read the path themselves. Not for names with an extension: a missing script is not to become a page.
    public var fallback: String?
    /// The file, as a path from the root, that is the body when there is nothing to serve.
    public var notFoundPage: String?
    /// `Cache-Control` of files, such as "max-age=3600"; none unless set.
    public var cacheControl: String?
    /// `Cache-Control` of files with these extensions, in lower case: `["html": "no-cache"]`.
    public var cacheControlByExtension: [String: String] = [:]
    /// Further fields of every answer.
    public var headers: HTTPHeaders = [:]
    /// Seconds after which a file that is asked for again is looked at again. So long a change may stay unnoticed.
    public var revalidationInterval = 1.0
    /// Files that each process keeps open; those that were not asked for longest are closed.
    public var maxOpenFiles = 1024
    /// Bytes of files, up to 2 MiB each, that each process keeps in memory. Others are sent from the disk, or rather
    /// from the system's cache of it.
    public var maxCachedBytes = 32 * 1024 * 1024

    /// The index file is `index.html`, and nothing is served that is hidden or outside of the root.
    public init() {}
}
