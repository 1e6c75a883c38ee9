// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "timers",
    dependencies: [.package(name: "apus", path: "../..")],
    targets: [
        .executableTarget(
            name: "Timers", dependencies: [.product(name: "Apus", package: "apus")],
            swiftSettings: [.defaultIsolation(MainActor.self)])
    ],
    swiftLanguageModes: [.v6]
)
