// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "redis",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "RedisGets",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "ApusRedis", package: "apus"),
            ],
            swiftSettings: [.defaultIsolation(MainActor.self)])
    ],
    swiftLanguageModes: [.v6]
)
