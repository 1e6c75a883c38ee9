// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "service",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "Service",
            dependencies: [
                .product(name: "Apus", package: "apus"), .product(name: "ApusCluster", package: "apus"),
            ],
            swiftSettings: [.defaultIsolation(MainActor.self)])
    ],
    swiftLanguageModes: [.v6]
)
