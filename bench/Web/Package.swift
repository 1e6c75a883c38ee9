// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "web",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "WebServers",
            dependencies: [.product(name: "Apus", package: "apus"), .product(name: "ApusWeb", package: "apus")],
            swiftSettings: [.defaultIsolation(MainActor.self)])
    ],
    swiftLanguageModes: [.v6]
)
