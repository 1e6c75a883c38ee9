import Apus
import Foundation

/// The Unix time of "2025-03-30T01:00:00Z".
func instant(_ text: String) -> Int {
    guard let date = try? Date(text, strategy: .iso8601) else { fatalError("\(text) is no instant") }
    return Int(date.timeIntervalSince1970)
}

/// A Unix time as "2025-03-30T01:00:00Z".
func text(_ instant: Int?) -> String {
    instant.map { Date(timeIntervalSince1970: Double($0)).formatted(.iso8601) } ?? "never"
}
