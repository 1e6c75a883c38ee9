import ArgumentParser

/// `apus serve`: the options, and nothing else.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the files of a folder over HTTP.",
        discussion: """
            apus serve                                    this folder at http://127.0.0.1:8080/
            apus serve public --address 0.0.0.0 --log     for other machines, with a line for each request
            apus serve dist --spa --cache 3600            an application of one page

            Hidden files, and what symbolic links lead to outside of the folder, are not served. Ctrl-C stops it.
            """)

    @Argument(help: "The folder.")
    var folder = "."

    @Option(name: .shortAndLong, help: "The port; 0 lets the system choose one.")
    var port = 8080

    @Option(name: .shortAndLong, help: "The address to listen on; 0.0.0.0 or :: for all of this machine.")
    var address = "127.0.0.1"

    @Option(help: "A file with a certificate and those that it was signed with, for HTTPS.")
    var tlsCert: String?

    @Option(help: "The file with its private key.")
    var tlsKey: String?

    @Flag(help: "Let the kernel make the records of HTTPS, where it can: files then do not pass through the server.")
    var kernelTls = false

    @Flag(help: "List what is in folders without an index file.")
    var browse = false

    @Flag(help: "Answer with index.html where there is no file, for applications of one page.")
    var spa = false

    @Option(help: "Seconds for which clients may keep files.")
    var cache: Int?

    @Option(name: .shortAndLong, help: "Processes that serve.")
    var workers = 1

    @Flag(help: "Print a line for each request.")
    var log = false
}
