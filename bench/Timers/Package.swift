// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "timers",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .target(name: "LibeventTimers", linkerSettings: [.linkedLibrary("event_core")]),
        .executableTarget(
            name: "Timers", dependencies: ["LibeventTimers", .product(name: "Apus", package: "apus")],
            swiftSettings: [.defaultIsolation(MainActor.self)]),
    ],
    swiftLanguageModes: [.v6]
)
