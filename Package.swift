// swift-tools-version: 6.2
import PackageDescription

/// The library runs on one thread per process, the main thread: all is the main actor's unless it says otherwise.
let onTheLoop: [SwiftSetting] = [
    .defaultIsolation(MainActor.self),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "apus",
    products: [
        .library(name: "Apus", targets: ["Apus"]),
        .library(name: "ApusWeb", targets: ["ApusWeb"]),
        .library(name: "ApusClient", targets: ["ApusClient"]),
        .library(name: "ApusCluster", targets: ["ApusCluster"]),
        .library(name: "ApusMySQL", targets: ["ApusMySQL"]),
        .library(name: "ApusNATS", targets: ["ApusNATS"]),
        .library(name: "ApusRedis", targets: ["ApusRedis"]),
        .library(name: "ApusSTOMP", targets: ["ApusSTOMP"]),
        .library(name: "ApusSystem", targets: ["ApusSystem"]),
        .library(name: "ApusZeroMQ", targets: ["ApusZeroMQ"]),
        .library(name: "ApusObservability", targets: ["ApusObservability"]),
        .library(name: "ApusLoad", targets: ["ApusLoad"]),
        .executable(name: "apus", targets: ["apus"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibevent", path: "CSources/CLibevent", pkgConfig: "libevent_core",
            providers: [.apt(["libevent-dev", "libssl-dev"])]),
        .target(
            name: "CApus", dependencies: ["CLibevent"], path: "CSources/CApus",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .systemLibrary(
            name: "CMariaDB", path: "CSources/CMariaDB", pkgConfig: "libmariadb",
            providers: [.apt(["libmariadb-dev"])]),
        .systemLibrary(name: "CZlib", path: "CSources/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZeroMQ", path: "CSources/CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
        .target(name: "ApusProtocols", dependencies: ["CApus", "CZlib"]),
        .target(name: "Apus", dependencies: ["CApus", "ApusProtocols"], swiftSettings: onTheLoop),
        .systemLibrary(
            name: "CCares", path: "CSources/CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        .target(
            name: "ApusClient", dependencies: ["Apus", "ApusProtocols", "CApus", "CCares"], swiftSettings: onTheLoop),
        .target(
            name: "ApusCluster",
            dependencies: ["Apus", "ApusNATS", "ApusProtocols", "ApusRedis", "CApus", "CLinux"],
            swiftSettings: onTheLoop),
        .target(
            name: "ApusMySQL", dependencies: ["Apus", "ApusProtocols", "CMariaDB"], swiftSettings: onTheLoop),
        .systemLibrary(name: "CLinux", path: "CSources/CLinux"),
        .target(name: "ApusSystem", dependencies: ["Apus", "ApusProtocols", "CLinux"], swiftSettings: onTheLoop),
        .target(name: "ApusNATS", dependencies: ["Apus", "ApusProtocols"], swiftSettings: onTheLoop),
        .target(name: "ApusSTOMP", dependencies: ["Apus", "ApusProtocols"], swiftSettings: onTheLoop),
        .target(name: "ApusZeroMQ", dependencies: ["Apus", "CZeroMQ"], swiftSettings: onTheLoop),
        .target(name: "ApusRedis", dependencies: ["Apus", "ApusProtocols", "CApus"], swiftSettings: onTheLoop),
        .target(
            name: "ApusWeb", dependencies: ["Apus", "ApusProtocols", "ApusRedis", "CApus", "CZlib"],
            swiftSettings: onTheLoop),
        .target(
            name: "ApusObservability",
            dependencies: [
                "Apus", "ApusProtocols", "ApusWeb", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: onTheLoop),
        .target(
            name: "ApusLoad",
            dependencies: [
                "Apus", "ApusProtocols", "CApus", .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: onTheLoop),
        .executableTarget(
            name: "apus",
            dependencies: [
                "Apus", "ApusLoad", "ApusProtocols", "ApusWeb",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: onTheLoop),
        .executableTarget(
            name: "Examples",
            dependencies: [
                "Apus", "ApusClient", "ApusCluster", "ApusMySQL", "ApusNATS", "ApusRedis", "ApusSTOMP", "ApusSystem",
                "ApusWeb", "ApusZeroMQ",
            ],
            swiftSettings: onTheLoop),
        .target(name: "TestSupport", dependencies: ["CApus", "CZlib"], path: "Tests/TestSupport"),
        .executableTarget(
            name: "ConformanceServer",
            dependencies: [
                "Apus", "ApusObservability", "ApusRedis", "ApusWeb",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
            ],
            path: "Tests/ConformanceServer", swiftSettings: onTheLoop),
        .target(
            name: "TrialSupport", dependencies: ["Apus"], path: "Tests/TrialSupport", swiftSettings: onTheLoop),
        .executableTarget(
            name: "TaskTrials", dependencies: ["Apus", "TrialSupport"], path: "Tests/TaskTrials",
            swiftSettings: onTheLoop),
        .executableTarget(
            name: "SystemTrials", dependencies: ["Apus", "ApusSystem", "TestSupport", "TrialSupport"],
            path: "Tests/SystemTrials", swiftSettings: onTheLoop),
        .executableTarget(
            name: "ClientTrials", dependencies: ["Apus", "ApusClient", "ApusProtocols", "TestSupport", "TrialSupport"],
            path: "Tests/ClientTrials", swiftSettings: onTheLoop),
        .executableTarget(
            name: "ClusterTrials",
            dependencies: ["Apus", "ApusCluster", "ApusNATS", "ApusProtocols", "TestSupport", "TrialSupport"],
            path: "Tests/ClusterTrials", swiftSettings: onTheLoop),
        .executableTarget(
            name: "QueueTrials",
            dependencies: ["Apus", "ApusNATS", "ApusSTOMP", "ApusZeroMQ", "TestSupport", "TrialSupport"],
            path: "Tests/QueueTrials", swiftSettings: onTheLoop),
        .executableTarget(
            name: "MySQLTrials", dependencies: ["Apus", "ApusMySQL", "TestSupport", "TrialSupport"],
            path: "Tests/MySQLTrials", swiftSettings: onTheLoop),
        .executableTarget(
            name: "UpgradeServerV1", dependencies: ["Apus"], path: "Tests/UpgradeServers/V1", swiftSettings: onTheLoop),
        .executableTarget(
            name: "UpgradeServerV2", dependencies: ["Apus"], path: "Tests/UpgradeServers/V2", swiftSettings: onTheLoop),
        .target(
            name: "CSimulation", path: "CSources/CSimulation",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        // The tests start it, and do not depend on it: its kernel would be linked into them.
        .executableTarget(
            name: "LoopFuzzer", dependencies: ["Apus", "CSimulation"], path: "Tests/LoopFuzzer",
            swiftSettings: onTheLoop),
        .target(name: "RequestCases", dependencies: ["ApusProtocols"], path: "Tests/RequestCases"),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["ApusProtocols", "RequestCases", "TestSupport", "ConformanceServer"]),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "TestSupport", "ConformanceServer", "Examples", "UpgradeServerV1", "UpgradeServerV2", "apus",
                "ApusProtocols",
            ]),
        .testTarget(
            name: "ApusLoadTests",
            dependencies: ["ApusLoad", "ApusProtocols", "CApus", "TestSupport", "apus", "Examples"]),
        .testTarget(name: "MySQLTests", dependencies: ["ApusMySQL", "TestSupport", "MySQLTrials"]),
        .testTarget(
            name: "ApusTests",
            dependencies: [
                "Apus", "ApusClient", "ApusCluster", "ApusMySQL", "ApusNATS", "ApusProtocols", "ApusRedis", "ApusSTOMP",
                "ApusWeb", "CApus", "TestSupport",
            ],
            swiftSettings: onTheLoop),
        .testTarget(name: "TaskTests", dependencies: ["TestSupport", "TaskTrials"]),
        .testTarget(name: "SystemTests", dependencies: ["TestSupport", "SystemTrials", "Examples"]),
        .testTarget(name: "ClusterTests", dependencies: ["TestSupport", "ClusterTrials", "Examples"]),
        .testTarget(name: "ClientTests", dependencies: ["TestSupport", "ClientTrials", "Examples"]),
        .testTarget(
            name: "ApusProtocolsTests", dependencies: ["ApusProtocols", "RequestCases", "CApus", "TestSupport"]),
        .testTarget(
            name: "ApusObservabilityTests",
            dependencies: [
                "Apus", "ApusObservability", "ApusProtocols", "ApusWeb", "CApus",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ]),
        .testTarget(name: "QueueTests", dependencies: ["QueueTrials", "TestSupport"]),
        .executableTarget(
            name: "RedisTrials", dependencies: ["Apus", "ApusRedis", "TestSupport", "TrialSupport"],
            path: "Tests/RedisTrials", swiftSettings: onTheLoop),
        .testTarget(name: "RedisTests", dependencies: ["RedisTrials", "TestSupport"]),
        .testTarget(name: "TidyTests", exclude: ["Manual/rows.md"]),
    ],
    swiftLanguageModes: [.v6]
)
