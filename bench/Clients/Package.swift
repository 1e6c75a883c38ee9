// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "client-benchmarks",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "HTTPGets",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "ApusClient", package: "apus"),
            ],
            swiftSettings: [.defaultIsolation(MainActor.self)]),
        .executableTarget(
            name: "FanOut",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "ApusCluster", package: "apus"),
                .product(name: "ApusRedis", package: "apus"),
            ],
            swiftSettings: [.defaultIsolation(MainActor.self)]),
    ],
    swiftLanguageModes: [.v6]
)
