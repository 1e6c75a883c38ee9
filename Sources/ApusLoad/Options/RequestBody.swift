/// Reads the body of the requests, or what one of the responses has to hold, from where a command line says it is.
public nonisolated enum RequestBody {
    /// `-` is standard input, read to its end; `@FILE` is a file; anything else is the body itself. `option` names the
    /// option in what is thrown.
    public static func read(_ source: String, option: String = "--body") throws(LoadOptionsError) -> [UInt8] {
        if source == "-" { return try FileBytes.readStandardInput(option) }
        if source.hasPrefix("@") { return try FileBytes.read(String(source.dropFirst()), option) }
        return Array(source.utf8)
    }
}
