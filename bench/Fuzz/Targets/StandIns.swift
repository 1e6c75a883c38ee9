/// What the files of parsers name beside them, and no target comes to.
class TypedDriver<P: WireProtocol> {}

final class PacketDriver<P: PacketProtocol>: TypedDriver<P> {
    init(_ codec: P) {}
}

enum ServiceSettings {
    static let executableName = "apus"
}

enum LoadOptions {
    static let maxProcesses = 60
}

struct LoadAgentSecret {
    let bytes: [UInt8]
}
