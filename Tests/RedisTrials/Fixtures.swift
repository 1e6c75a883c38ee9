import Apus
import ApusRedis
import TestSupport
import TrialSupport

/// A server with a client that speaks the version of the protocol that the first word names.
struct Fixture {
    let server: RedisServer
    let redis: RedisClient

    init(_ words: [String], _ options: [String] = [], _ change: (inout RedisOptions) -> Void = { _ in }) throws {
        server = try RedisServer(options)
        redis = try client(of: server, words, change)
    }
}

/// Another client of a server. Its patience is no part of what is tried.
func client(
    of server: RedisServer, _ words: [String] = [], _ change: (inout RedisOptions) -> Void = { _ in }
) throws -> RedisClient {
    var options = RedisOptions()
    options.timeout = 60
    options.speaksRESP3 = words.first == "3"
    change(&options)
    return try RedisClient("\(server.endpoint)", options: options)
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Notes that `body` throws an error of Redis that `isExpected`.
func expectRedisError(
    _ note: String = "", file: StaticString = #fileID, line: UInt = #line, _ body: @MainActor () async throws -> Void,
    where isExpected: (RedisError) -> Bool
) async {
    let error = await expectError(note, file: file, line: line, body)
    let found = error as? RedisError
    expect(found.map(isExpected) ?? false, "\(String(describing: error)) \(note)", file: file, line: line)
}

extension RedisClient {
    /// Publishes to somebody; the connection may not know yet that it is broken.
    func reaches(_ channel: String, _ message: String) async -> Bool { (try? await publish(channel, message)) == 1 }
}
